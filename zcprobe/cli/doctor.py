# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe doctor"""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from zcprobe.analysis.demand import Demand
from zcprobe.analysis.prediction import predict
from zcprobe.config import RunConfig
from zcprobe.errors import HostError
from zcprobe.host.doctor import Check, check_host
from zcprobe.host.limits import read_optmem_max, read_sndbuf_max
from zcprobe.host.zerocopy import try_zerocopy_send
from zcprobe.journal import JOURNAL_FOLDER
from zcprobe.lab.leftovers import Leftover, clean_leftovers, find_leftovers
from zcprobe.units import format_bytes

__all__ = ["run"]

_COLOURS = {"ok": "green", "limited": "yellow", "missing": "red"}


def _check_probes() -> list[Check]:
    """Checks bcc and what it can do. This runs in a thread of its own, so that the compiler and the kernel work while
    Python does the other checks. The imports are here because they fail without the compiled core."""
    try:
        from zcprobe.probes.bcc_backend import TURN_S, become_compiler_thread, import_bcc

        sys.setswitchinterval(TURN_S)
        become_compiler_thread()
        bcc = import_bcc()
    except HostError as error:
        return [Check("bcc", "missing", str(error), error.hint)]
    folder = Path(str(bcc.__file__)).parent
    return [Check("bcc", "ok", f"{bcc.__version__} in {folder}, by {sys.executable}"), *_check_mechanisms()]


def _check_mechanisms() -> list[Check]:
    from zcprobe.probes.mechanisms import try_mechanisms

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


def _check_attach() -> Check:
    """Tries an iterator like those of `attach`, which needs neither bcc nor the kernel's symbols."""
    try:
        from zcprobe.probes.iterators import try_iterators

        try_iterators()
    except HostError as error:
        return Check("attach", "limited", str(error), error.hint)
    return Check("attach", "ok", "the sockets of other processes can be watched, those of every user")


_SIZES = (4096, 65536, 524288)
"""Small sends, those of most scenarios, and QEMU's."""


def _check_need() -> Check:
    """What senders need that write as fast as their sockets take data, against the limit of this network namespace."""
    limit = read_optmem_max()
    sndbuf = read_sndbuf_max()
    try:
        charge = try_zerocopy_send().charge_bytes
    except HostError as error:
        return Check("optmem need", "limited", f"not known: {error}", error.hint)
    needs = {
        size: predict(Demand(send_bytes=size, charge_bytes=charge, sndbuf_bytes=sndbuf)).optmem_max_bytes or 0
        for size in _SIZES
    }
    each = ", ".join(f"{need} for {format_bytes(size)}" for size, need in needs.items())
    found = f"sends that fill a send buffer of {format_bytes(sndbuf)} need an optmem_max of {each}"
    short = [size for size, need in needs.items() if limit is not None and need > limit]
    if not short:
        return Check("optmem need", "ok", found)
    hint = f"{limit} is not enough for {' and '.join(map(format_bytes, short))}: see zcprobe predict -l SIZE"
    return Check("optmem need", "limited" if _SIZES[1] in short else "ok", found, hint)


def _check_lab() -> Check:
    """Tries the path of the default scenario of `run` and `compare`."""
    name = RunConfig().scenario
    try:
        from zcprobe.lab.scenarios import find_scenario
        from zcprobe.lab.trial import try_scenario

        error = try_scenario(find_scenario(name), f"doctor-{os.getpid()}")
    except HostError as lacking:
        error = lacking
    if error is not None:
        return Check("lab", "missing", str(error), error.hint)
    return Check("lab", "ok", f"the path of {name} was made and taken away")


def _check_leftovers() -> Check:
    try:
        found = find_leftovers()
    except HostError as error:
        return Check("leftovers", "limited", str(error), error.hint)
    if not found:
        return Check("leftovers", "ok", "none")
    names = ", ".join(f"{item.kind} {item.name}" + (f" ({item.refusal})" if item.refusal else "") for item in found)
    return Check("leftovers", "limited", f"of killed runs: {names}", "zcprobe doctor --clean removes them")


def _clean() -> int:
    """Undoes all that it can. Returns 3 when something could not be undone."""
    cleaned = clean_leftovers()
    if cleaned.undone:
        print("\n".join(cleaned.undone))
    elif not cleaned.kept:
        print("nothing to clean")
    for item in cleaned.kept:
        print(f"zcprobe: {item.kind} {item.name} is left: {item.refusal}\n  {_hint(item)}", file=sys.stderr)
    return HostError.exit_code if cleaned.kept else 0


def _hint(item: Leftover) -> str:
    if item.kind == "journal":
        return f"look at it, and if nobody needs it, remove it: rm {item.name}"
    journal = JOURNAL_FOLDER / f"{item.run_id}.json"
    return f"it stays journalled for the next --clean; to give it up for good: rm {journal}"


def run(options: argparse.Namespace) -> int:
    """Returns 3 when something is missing, else 0."""
    if options.clean:
        return _clean()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="zcprobe-probes") as pool:
        of_probes = pool.submit(_check_probes)
        of_host, of_attach, of_need, of_lab = check_host(), _check_attach(), _check_need(), _check_lab()
        checks = [*of_host, *of_probes.result(), of_attach, of_need, of_lab, _check_leftovers()]
    code = HostError.exit_code if any(check.status == "missing" for check in checks) else 0
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"checks": checks}) + b"\n")
        return code
    from rich.table import Table

    from zcprobe.cli.console import StdoutConsole

    table = Table("check", "status", "found", "what to do")
    for check in checks:
        table.add_row(check.name, f"[{_COLOURS[check.status]}]{check.status}", check.found, check.hint)
    StdoutConsole().print(table)
    return code
