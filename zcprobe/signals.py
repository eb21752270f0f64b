"""The signals that ask a command to end: of a keyboard, of a service manager, and of a terminal that closes."""

import signal

__all__ = ["ENDING", "heeded"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def heeded() -> list[signal.Signals]:
    """Those of ENDING that whoever started this process did not have it ignore, as `nohup` does with SIGHUP. One whose
    handler was not installed from Python, and could not be put back, is left out, too."""
    return [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
