# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe live"""

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from zcprobe.analysis.diagnosis import diagnose
from zcprobe.attach.attachment import Attachment
from zcprobe.cli.attach_text import TextPrinter
from zcprobe.cli.attach_words import Words, parse_words, selection_of
from zcprobe.cli.failures import as_error
from zcprobe.errors import DefectError, HostError, OutputError, UsageError
from zcprobe.format.attachment import AttachmentSummary
from zcprobe.interrupt import Interruption, deferred_interrupt
from zcprobe.isolation import forget_settings
from zcprobe.live.terminal import forgiving_screen, has_hung_up, is_terminal

if TYPE_CHECKING:
    from zcprobe.live.app import LiveApp

__all__ = ["run"]

_MISSING = "install the extra: pip install 'zcprobe[live]'"


def _app_class() -> "type[LiveApp]":
    forget_settings("TEXTUAL")  # TEXTUAL_DRIVER names a module, and TEXTUAL_LOG a file
    try:
        from zcprobe.live.app import LiveApp
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise HostError(f"live needs the Python package {package}, which is not installed", _MISSING) from error
    return LiveApp


def _watch(
    app_class: "type[LiveApp]",
    attachment: Attachment,
    options: argparse.Namespace,
    words: Words,
    interruption: Interruption,
) -> "LiveApp":
    """Watches in a thread, until the screen has ended."""
    from zcprobe.live.watching import Watching

    watching = Watching(attachment, diagnose, options.output, as_error, interval_s=words.interval_s, count=words.count)
    with interruption.forwarded_to(watching.end):
        watching.start()
        try:
            with forgiving_screen():
                app = app_class(watching, has_hung_up)
                app.run()
        finally:
            watching.finish()
    return app


def _print(attachment: Attachment, summary: AttachmentSummary, *, is_ended_by_signal: bool) -> None:
    """OutputError if stdout cannot be written, but not where a signal has ended it: the terminal may be gone."""
    printer = TextPrinter(sys.stdout, timestamp=False, wide=False)
    try:
        if attachment.command is not None:
            printer.note(attachment.command.outcome())
        printer.end(attachment.sampler, summary)
    except OutputError:
        if not is_ended_by_signal:
            raise


def run(options: argparse.Namespace) -> int:
    words = parse_words(options.words)
    selection = selection_of(options, words.command)
    if not is_terminal():
        raise UsageError(
            "live needs a terminal, and its stdin and stderr are not both one", "without a terminal use zcprobe attach"
        )
    app_class = _app_class()  # before anything is watched
    with (
        deferred_interrupt() as interruption,
        Attachment(selection, words.command, detail=options.detail, is_silent=True) as attachment,
    ):
        app = _watch(app_class, attachment, options, words, interruption)
        summary = attachment.summary(diagnose)
    number = interruption.signal_number or (signal.SIGHUP if app.is_alone else 0)
    _print(attachment, summary, is_ended_by_signal=bool(number))
    if app.return_code:
        raise DefectError("the screen failed", "this is a defect of zcprobe: report what is printed above")
    return -number
