# SPDX-License-Identifier: GPL-2.0-only
"""The compiled core: `lib` holds the functions and constants of decl/*.h and zcprobe.h, `ffi` their types.

HostError where it was not built for this Python, or cannot be loaded.
"""

import sys

from zcprobe.errors import HostError

try:
    from zcprobe.native._core import ffi, lib
except ImportError as error:
    from zcprobe.installation import build_failure, rebuild_command  # their imports take as long as all else here

    failure = build_failure()
    reason = f"it was not built: {failure}" if failure else str(error)
    raise HostError(
        f"zcprobe's compiled core cannot be loaded by {sys.executable}: {reason}",
        f"install a C compiler and the headers of libbpf and libseccomp, then {rebuild_command()}",
    ) from error

__all__ = ["ffi", "lib"]
