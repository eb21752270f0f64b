"""Entry point: one error class is caught here, and turned into two lines and an exit code."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from zcprobe.errors import ZcprobeError
from zcprobe.isolation import forget_foreign_folders, own_settings

__all__ = ["main"]


_WAITING = {signal.SIGINT, signal.SIGTERM}


def _import(name: str) -> ModuleType:
    """Signals wait meanwhile: an exception while a compiled module starts can be lost there, or crash it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITING)
    try:
        return importlib.import_module(name)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _verb(name: str) -> Callable[[argparse.Namespace], int]:
    """Imported late: `zcprobe sink` needs none of pandas, matplotlib and bcc."""
    with own_settings():
        module = _import(f"zcprobe.cli.{name}")
    run: Callable[[argparse.Namespace], int] = module.run
    return run


def _die_by(number: int) -> int:
    """The caller (a shell, make) must see that a signal ended us."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Imported late as well: from `main` on, Ctrl-C is ours to answer."""
    words = sys.argv[1:] if arguments is None else arguments
    options: argparse.Namespace = _import("zcprobe.cli.parser").make_parser(words).parse_args(words)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        return _run(arguments)
    except KeyboardInterrupt as interrupt:
        return _die_by(interrupt.args[0] if interrupt.args else signal.SIGINT)


def _run(arguments: Sequence[str] | None) -> int:
    verbose = False
    if arguments is None:  # this process is the command
        forget_foreign_folders()
    try:
        options = _parse(arguments)
        verbose = options.verbose
        code = _verb(options.verb)(options)
        sys.stdout.flush()
    except ZcprobeError as error:
        if verbose:
            import traceback  # a tenth of what `-h` takes

            traceback.print_exc()
        print(f"zcprobe: {error}\n  {error.hint}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # the reader of stdout has gone (head, less): no error of ours; keep Python from flushing into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return _die_by(-code) if code < 0 else code
