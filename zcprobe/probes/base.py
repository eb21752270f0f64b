"""A probe: one kernel path watched, its BPF programs, and what it cannot see.

A module per probe, with its BPF C in the `.bpf.c` file of the same stem.
"""

from importlib.resources import files

import msgspec

from zcprobe.host.btf import Btf

__all__ = ["Attachment", "Probe", "read_source"]


class Attachment(msgspec.Struct, frozen=True):
    """A BPF function on a raw tracepoint that passes at least `arguments` arguments; `since` is for people."""

    tracepoint: str
    function: str
    arguments: int
    since: str
    required: bool = True


class Probe(msgspec.Struct, frozen=True):
    """`tells` is what it measures, `blind` what this mechanism cannot see."""

    name: str
    tells: str
    blind: str
    attachments: tuple[Attachment, ...]

    def attachable(self, btf: Btf) -> tuple[Attachment, ...]:
        """The attachments whose tracepoint this kernel has, with the arguments we read."""
        return tuple(item for item in self.attachments if _exists(btf, item))

    def reason_not(self, btf: Btf) -> str | None:
        """Why it cannot run here, or None."""
        missing = [item for item in self.attachments if item.required and not _exists(btf, item)]
        if not missing:
            return None
        return "; ".join(f"no tracepoint {item.tracepoint} ({item.since})" for item in missing)


def _exists(btf: Btf, item: Attachment) -> bool:
    count = btf.tracepoint_arguments(item.tracepoint)
    return count is not None and count >= item.arguments


def read_source(name: str) -> str:
    """A file of the package zcprobe.bpf, with a #line so that the compiler's messages name it."""
    return f'#line 1 "{name}"\n' + files("zcprobe.bpf").joinpath(name).read_text()
