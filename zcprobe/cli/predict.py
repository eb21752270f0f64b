# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe predict"""

import argparse
import sys
from textwrap import wrap
from typing import TYPE_CHECKING

import msgspec

from zcprobe.analysis.demand import Demand
from zcprobe.analysis.prediction import Prediction, predict
from zcprobe.errors import HostError, UsageError
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES
from zcprobe.host.limits import read_optmem_max, read_sndbuf_max

if TYPE_CHECKING:
    from zcprobe.analysis.prediction_of_run import PredictedSocket

__all__ = ["run"]

_WIDTH = 80

_OF_A_SENDER = ("length", "channels", "window", "bandwidth", "delay", "late_share", "late_by", "read_every", "charge")
"""Options that say what a recorded run says itself, by their names in the namespace."""


def _charge_bytes(given: int | None) -> int:
    """As given, or measured by one send over loopback. HostError if this host cannot make that send."""
    if given is not None:
        return given
    from zcprobe.host.zerocopy import try_zerocopy_send

    try:
        return try_zerocopy_send().charge_bytes
    except HostError as error:
        raise HostError(str(error), f"{error.hint}; or say what a notification is charged: --charge 832") from error


def _demand(options: argparse.Namespace) -> Demand:
    if options.length is None:
        raise UsageError("it was not said how large a send is", "give -l SIZE, or the folder of a run")
    return Demand(
        send_bytes=options.length,
        charge_bytes=_charge_bytes(options.charge),
        sndbuf_bytes=read_sndbuf_max() if options.window is None else 2 * options.window,
        channels=options.channels or 1,
        bandwidth_bps=options.bandwidth,
        is_paced=options.paced,
        delay_ns=options.delay or 0,
        late_share=options.late_share or 0.0,
        late_ns=options.late_by or 0,
        read_every_sends=options.read_every,
        optmem_max_bytes=options.optmem_max or read_optmem_max() or DEFAULT_OPTMEM_BYTES,
    )


def _of_runs(options: argparse.Namespace) -> "PredictedSocket":
    """The most demanding socket of all runs. UsageError if none tells what it needs, or options say so too."""
    for name in _OF_A_SENDER:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} and a run both say what is sent", "give one of the two")
    if options.paced or options.optmem_max is not None:
        raise UsageError("--paced and --optmem-max are for a sender that is described by options", "leave them out")
    from zcprobe.analysis.diagnosis.need import need_of
    from zcprobe.analysis.prediction_of_run import predict_run
    from zcprobe.cli.inputs import load_inputs

    known = [predict_run(run) for run in load_inputs(options).runs]
    found = [one for one in known if one is not None]
    if not found:
        raise UsageError(
            f"nothing in {options.runs[0]} says what a sender needs",
            "watch a process while it sends with MSG_ZEROCOPY over TCP: zcprobe attach -p PID -o DIR",
        )
    return max(found, key=lambda one: need_of(one.prediction))


def _text(found: Prediction) -> str:
    lines = wrap(found.answer, _WIDTH)
    lines += ["", *(f"  {line}" for line in found.formula.splitlines()), "", "This assumes:"]
    for sentence in found.assumptions:
        lines += wrap(sentence, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def _seen(of: "PredictedSocket") -> str:
    """The socket, and the level that was seen of it."""
    from zcprobe.analysis.diagnosis.senders import name_of

    seen = of.socket
    text = (
        f"In {of.run} optmem of {name_of(seen)} was at most {seen.optmem_peak_bytes} of {seen.optmem_max_bytes} bytes."
    )
    return "\n".join(wrap(text, _WIDTH, break_on_hyphens=False)) + "\n\n"


def run(options: argparse.Namespace) -> int:
    of = _of_runs(options) if options.runs else None
    found = predict(_demand(options)) if of is None else of.prediction
    if options.json:
        members = msgspec.to_builtins(found)
        if of is not None:
            members |= {"run": of.run, "socket": msgspec.to_builtins(of.socket)}
        sys.stdout.buffer.write(msgspec.json.encode(members) + b"\n")
    else:
        print(("" if of is None else _seen(of)) + _text(found))
    return 0
