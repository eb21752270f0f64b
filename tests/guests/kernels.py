# SPDX-License-Identifier: GPL-2.0-only
"""The only list of the distribution kernels that the tests boot."""

import msgspec

from zcprobe.errors import UsageError

__all__ = ["KERNELS", "Kernel", "find_kernel"]


class Kernel(msgspec.Struct, frozen=True):
    """`name` is what people call it by, `suite` the Debian suite whose linux-image-amd64 it is.

    `cpus` is the number of CPUs of its guest. The guest boots with one online, because two emulated CPUs that wait for
    each other take twice the time. Tests in which completions must meet their reader bring the other online.
    """

    name: str
    suite: str
    cpus: int = 1


KERNELS: tuple[Kernel, ...] = (
    Kernel("6.1", "bookworm"),
    Kernel("6.12", "trixie", cpus=2),
    # whatever is newest there, so no number would stay true
    Kernel("backports", "trixie-backports"),
)


def find_kernel(name: str) -> Kernel:
    """The kernel of that name; UsageError if there is none."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    raise UsageError(f"no kernel {name!r}", f"one of: {', '.join(kernel.name for kernel in KERNELS)}")
