"""zcprobe doctor"""

import argparse
import sys

import msgspec
from rich.table import Table

from zcprobe.cli.console import StdoutConsole
from zcprobe.errors import HostError
from zcprobe.host.doctor import Check, check_host
from zcprobe.lab.journal import clean_leftovers, find_leftovers
from zcprobe.probes.bcc_backend import import_bcc
from zcprobe.probes.mechanisms import try_mechanisms

__all__ = ["run"]

_COLOURS = {"ok": "green", "limited": "yellow", "missing": "red"}


def _check_mechanisms() -> list[Check]:
    try:
        import_bcc()
    except HostError as error:
        return [Check("BPF mechanisms", "missing", str(error), error.hint)]
    trials = try_mechanisms()
    works = any(trial.refusal is None for trial in trials)
    checks = []
    for trial in trials:
        if trial.refusal is None:
            checks.append(Check(f"BPF {trial.mechanism}", "ok", "loads and attaches"))
        else:
            hint = "not needed: another mechanism works" if works else "--probes none measures without probes"
            checks.append(Check(f"BPF {trial.mechanism}", "limited" if works else "missing", trial.refusal, hint))
    return checks


def _check_leftovers() -> Check:
    found = find_leftovers()
    if not found:
        return Check("leftovers", "ok", "none")
    names = ", ".join(f"{item.kind} {item.name}" for item in found)
    return Check("leftovers", "limited", f"of killed runs: {names}", "zcprobe doctor --clean removes them")


def _clean() -> int:
    removed = clean_leftovers()
    print("\n".join(removed) if removed else "nothing to clean")
    return 0


def run(options: argparse.Namespace) -> int:
    """3 when something is missing, else 0."""
    if options.clean:
        return _clean()
    checks = [*check_host(), *_check_mechanisms(), _check_leftovers()]
    code = HostError.exit_code if any(check.status == "missing" for check in checks) else 0
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"checks": checks}) + b"\n")
        return code
    table = Table("check", "status", "found", "what to do")
    for check in checks:
        table.add_row(check.name, f"[{_COLOURS[check.status]}]{check.status}", check.found, check.hint)
    StdoutConsole().print(table)
    return code
