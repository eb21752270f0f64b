"""The distribution kernels that the tests boot: the one list of them."""

import msgspec

from zcprobe.errors import UsageError

__all__ = ["KERNELS", "Kernel", "find_kernel"]


class Kernel(msgspec.Struct, frozen=True):
    """`name` is what people call it by, `suite` the Debian suite whose linux-image-amd64 it is.

    `cpus`: its guest's. It begins with one of them, because two that emulation lets wait for each other take twice the
    time; tests in which completions and their reader shall meet bring the other one in.
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
    """UsageError when there is none of that name."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    raise UsageError(f"no kernel {name!r}", f"one of: {', '.join(kernel.name for kernel in KERNELS)}")
