"""Whether each BPF mechanism works on this host: by loading and attaching a program, never by asking."""

from collections.abc import Callable

import msgspec

from zcprobe.errors import HostError
from zcprobe.probes.bcc_backend import Program

__all__ = ["Trial", "try_mechanisms"]

_WITNESS = "sk_error_report"
"""A function that every kernel with MSG_ZEROCOPY has as a symbol."""


class Trial(msgspec.Struct, frozen=True):
    """`refusal` is what compiler or kernel said, None when it works."""

    mechanism: str
    refusal: str | None


def _try_tracepoint() -> None:
    program = Program("int on_trial(struct bpf_raw_tracepoint_args *ctx) { return 0; }", {})
    try:
        program.attach_raw_tracepoint("consume_skb", "on_trial")
    finally:
        program.close()


def _try_kprobe() -> None:
    program = Program("int on_trial(void *ctx) { return 0; }", {})
    try:
        program.attach_kprobe(_WITNESS, "on_trial")
    finally:
        program.close()


def _try_fentry() -> None:
    # bcc attaches functions made with this macro by itself, while the program is made
    Program(f"KFUNC_PROBE({_WITNESS}) {{ return 0; }}", {}).close()


_TRIALS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("fentry", _try_fentry),
    ("kprobe", _try_kprobe),
    ("tracepoint", _try_tracepoint),
)


def try_mechanisms() -> list[Trial]:
    """One trial each, in the order of preference."""
    trials = []
    for mechanism, attempt in _TRIALS:
        try:
            attempt()
            trials.append(Trial(mechanism, None))
        except HostError as error:
            trials.append(Trial(mechanism, str(error)))
    return trials
