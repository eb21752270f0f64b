# SPDX-License-Identifier: GPL-2.0-only
"""The command. From its first line on signals are blocked until `main` can handle them."""

import _signal  # type: ignore[import-not-found]  # `signal` without its enumerations, which take a while to import

_signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT))

import sys  # noqa: E402

from zcprobe.cli.main import main  # noqa: E402

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
