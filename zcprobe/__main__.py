"""The command. Signals wait from its first line on until `main` can answer them."""

import signal

from zcprobe.signals import ENDING

signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)

import sys  # noqa: E402

from zcprobe.cli.main import main  # noqa: E402

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
