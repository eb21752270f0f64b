# SPDX-License-Identifier: GPL-2.0-only
"""C structs and enums of the core as numpy dtypes and Python mappings, for who works with the core.

Those that a run folder holds are also written out in `zcprobe.format`, which works without it; tests compare the two.
"""

from typing import TYPE_CHECKING, Any

from zcprobe.native import ffi

if TYPE_CHECKING:
    import numpy as np

__all__ = ["dtype_of", "enum_names", "struct_to_dict"]


def dtype_of(struct: str) -> "np.dtype[np.void]":
    """The numpy dtype of `struct <struct>`, with the compiler's own offsets and padding."""
    import numpy as np  # a third of the time that the sender's process takes to start, which needs no dtype

    ctype = ffi.typeof(f"struct {struct}")
    names, formats, offsets = [], [], []
    for name, field in ctype.fields:
        kind = "i" if int(ffi.cast(field.type, -1)) < 0 else "u"
        names.append(name)
        formats.append(f"{kind}{ffi.sizeof(field.type)}")
        offsets.append(field.offset)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": ffi.sizeof(ctype)})


def enum_names(enum: str, prefix: str) -> dict[int, str]:
    """Value -> lower-case name without its prefix, for the constants of `enum <enum>`."""
    relements = ffi.typeof(f"enum {enum}").relements
    return {int(value): name.removeprefix(prefix).lower() for name, value in relements.items()}


def struct_to_dict(pointer: Any) -> dict[str, int]:
    """The integer members of the struct behind a pointer."""
    return {name: int(getattr(pointer, name)) for name, _ in ffi.typeof(pointer[0]).fields}
