# SPDX-License-Identifier: GPL-2.0-only
"""Baselines of `compare` and `campaign`: read before the first run, judged after the last."""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from zcprobe.analysis.baseline import Judgement, baseline_of, require_points, require_values
from zcprobe.analysis.compared import Compared
from zcprobe.cli.claims import claim_table
from zcprobe.cli.console import StdoutConsole
from zcprobe.cli.output import is_stdout, open_output
from zcprobe.dataset.baseline import load_baseline
from zcprobe.errors import RegressionError, UndecidedError, UsageError
from zcprobe.export.junit import junit_xml
from zcprobe.format.baseline import Baseline, baseline_file
from zcprobe.seal import sealed

__all__ = ["keep_baseline", "print_judgement", "require_baseline", "require_no_regression", "write_junit"]

_UNDECIDED = "nobody can tell whether anything is worse than baseline"


def require_baseline(options: argparse.Namespace, points: Iterable[str], of_plan: str | None = None) -> Baseline | None:
    """The baseline to compare with, if the options or the plan name one. UsageError or OutputError before a run is made
    in vain."""
    name = options.baseline or of_plan
    if options.fail_on_regression and name is None:
        raise UsageError("--fail-on-regression needs something to compare with", "name it with --baseline NAME")
    if options.junit is not None and is_stdout(options.junit):
        raise UsageError("--junit needs a file: stdout has the result", "for example --junit zcprobe.xml")
    if name is None:
        return None
    baseline = load_baseline(options.output, name)
    require_values(baseline)
    require_points(baseline, points)
    return baseline


def print_judgement(judgement: Judgement) -> None:
    """A table of claims, what differs between the hosts, and one sentence."""
    if judgement.verdicts:
        StdoutConsole().print(claim_table(judgement.verdicts, f"baseline {judgement.baseline}"))
    for remark in judgement.remarks:
        print(f"The hosts differ: {remark}.")
    print(_conclusion(judgement))


def _conclusion(judgement: Judgement) -> str:
    if judgement.regressions:
        return f"Worse than baseline {judgement.baseline}: {_named(judgement)}."
    if judgement.why_undecided:
        return f"{_UNDECIDED.capitalize()} {judgement.baseline}: {judgement.why_undecided}."
    return f"Nothing is shown to be worse than baseline {judgement.baseline}."


def _named(judgement: Judgement) -> str:
    return ", ".join(f"{claim.quantity} of {claim.candidate}" for claim in judgement.regressions)


def keep_baseline(options: argparse.Namespace, compared: Compared) -> None:
    """Writes the baseline beside the folder, in place of one of that name."""
    if options.save_baseline is None:
        return
    kept = baseline_of(compared, options.save_baseline, datetime.now(UTC).isoformat(timespec="seconds"))
    path = options.output / baseline_file(options.save_baseline)
    with open_output(path, "--save-baseline") as file:
        file.write(sealed(kept))


def write_junit(path: Path | None, compared: Compared, judgement: Judgement | None) -> None:
    if path is not None:
        with open_output(path, "--junit") as file:
            file.write(junit_xml(compared, judgement))


def require_no_regression(judgement: Judgement) -> None:
    """RegressionError if something is worse than in the baseline, UndecidedError if nobody can tell."""
    if judgement.regressions:
        first = judgement.regressions[0]
        raise RegressionError(
            f"worse than baseline {judgement.baseline}: {_named(judgement)}",
            f"the first: {first.text}",
        )
    if judgement.why_undecided:
        raise UndecidedError(
            f"{_UNDECIDED} {judgement.baseline}: {judgement.why_undecided}",
            "run again with nothing else on the machine, and as many runs as that says; or save the baseline anew",
        )
