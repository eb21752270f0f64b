"""Whether this process may make network namespaces, and what such a namespace has of its own."""

import subprocess
from pathlib import Path

from zcprobe.errors import HostError

__all__ = ["optmem_is_per_namespace", "try_network_namespace"]

OPTMEM_MAX = Path("/proc/sys/net/core/optmem_max")


def _run_in_new_namespace(*command: str) -> int:
    """Exit code of a command in a network namespace that ends with it; HostError when there can be none."""
    try:
        result = subprocess.run(["unshare", "--net", *command], capture_output=True, text=True, check=False)
    except OSError as error:
        raise HostError(f"cannot run unshare: {error.strerror}", "install util-linux") from error
    # The commands used here print nothing, so any text is unshare's own.
    if result.stderr:
        raise HostError(
            f"cannot make a network namespace: {result.stderr.strip()}",
            "run as root with CAP_SYS_ADMIN; a container needs --privileged or --cap-add SYS_ADMIN",
        )
    return result.returncode


def try_network_namespace() -> None:
    """Makes a network namespace and lets it go; HostError says why it cannot be made."""
    _run_in_new_namespace("true")


def optmem_is_per_namespace() -> bool:
    """Whether each network namespace has an optmem_max of its own, as since Linux 6.8.

    Before, the file exists in the initial namespace only and the limit is everybody's. HostError when it cannot be
    tried.
    """
    return _run_in_new_namespace("test", "-e", str(OPTMEM_MAX)) == 0
