# SPDX-License-Identifier: GPL-2.0-only
"""The entry point. It turns errors into two lines and an exit code."""

import argparse
import atexit
import gc
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from zcprobe.cli.streams import one_line, settle_streams
from zcprobe.errors import OutputError, ZcprobeError
from zcprobe.host.address_space import require_address_space
from zcprobe.interrupt import answered
from zcprobe.isolation import OBJECTS_BETWEEN_COLLECTIONS, forget_foreign_folders, own_settings
from zcprobe.signals import ENDING

__all__ = ["main"]

_SMALL_VERBS = ("sink", "policies")


@contextmanager
def _importing() -> Iterator[None]:
    """Blocks signals during imports: an exception while a compiled module starts can be lost, or crash the module."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _verb(name: str) -> Callable[[argparse.Namespace], int]:
    """Imports the verb late: `zcprobe sink` needs neither pandas, matplotlib and bcc nor the memory that they take."""
    if name not in _SMALL_VERBS:
        require_address_space()
    with own_settings(), _importing():
        module = importlib.import_module(f"zcprobe.cli.{name}")
    run: Callable[[argparse.Namespace], int] = module.run
    return run


def _die_by(number: int) -> int:
    """Dies by the signal, so that the caller (a shell, make) sees it. The files are complete, so no core is dumped."""
    with suppress(OutputError, BrokenPipeError):
        sys.stdout.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Imports the parser late as well, because only from `main` on this module answers Ctrl-C."""
    words = sys.argv[1:] if arguments is None else arguments
    with _importing():  # a verb's options need modules of their own
        parser: argparse.ArgumentParser = importlib.import_module("zcprobe.cli.parser").make_parser(words)
    options = parser.parse_args(words)
    if getattr(options, "preset", None) is None:
        return options
    from zcprobe.cli.presets import expand  # the verb's arguments have imported it

    return expand(parser, words, options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code. Without `arguments` it takes the process's command line, and settles its streams and
    signals."""
    try:
        if arguments is not None:
            return _run(arguments)
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
        settle_streams()
        with answered():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            code = _run(arguments)
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # nobody could answer one any more
            _leave(code)
    except KeyboardInterrupt as interrupt:
        if notes := _notes(interrupt):
            print(f"zcprobe: interrupted: {notes}", file=sys.stderr)
        return _die_by(interrupt.args[0] if interrupt.args else signal.SIGINT)


def _leave(code: int) -> NoReturn:
    """Ends the process after its exit handlers have run. Python's own shutdown would take a twelfth of the processor
    time of a short run."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    verbose = False
    if arguments is None:  # this process is the command
        forget_foreign_folders()
    try:
        options = _parse(arguments)
        verbose = options.verbose
        code = _verb(options.verb)(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader of stdout has gone (head, less): no error of ours; keep Python from flushing into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _tell(error, verbose)
    return _die_by(-code) if code < 0 else code


def _notes(error: BaseException) -> str:
    """The notes of the exception, which say where finished runs are."""
    return "; ".join(getattr(error, "__notes__", []))


def _tell(error: Exception, verbose: bool) -> int:
    """Prints two lines on stderr, with -v after the traceback. Returns the exit code."""
    if verbose:
        import traceback  # a tenth of what `-h` takes

        traceback.print_exc()
    told = error
    if not isinstance(told, ZcprobeError):
        from zcprobe.cli.failures import as_error

        told = as_error(told)
    hint = "; ".join(filter(None, [told.hint, _notes(error)]))
    print(f"zcprobe: {one_line(str(told))}\n  {one_line(hint)}", file=sys.stderr)
    return told.exit_code
