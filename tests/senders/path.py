# SPDX-License-Identifier: GPL-2.0-only
"""The path of a real migration is that of our own runs: two namespaces, and the held clones of the preset."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.cli.options import run_config
from zcprobe.cli.parser import make_parser
from zcprobe.cli.presets import expand
from zcprobe.journal import Journal, journal, new_run_id
from zcprobe.lab.impairments.hold import HoldImpairment, held_clones
from zcprobe.lab.limits import changed_optmem_max
from zcprobe.lab.netns import NamespacePair, namespace_pair

__all__ = ["PRESET", "MigrationPath", "migration_path", "preset_hold"]

PRESET = "qemu-migration"


def preset_hold() -> HoldImpairment:
    """What the preset holds back."""
    words = ["run", "--preset", PRESET]
    options = expand(make_parser(), words, make_parser().parse_args(words))
    hold = benchmark_of(run_config(options, "qemu-pre")).scenario.find(HoldImpairment)
    assert hold is not None
    return hold


class MigrationPath(msgspec.Struct, frozen=True):
    """`pair.sender` is the source's namespace."""

    pair: NamespacePair
    record: Journal

    @contextmanager
    def impaired(self, optmem_bytes: int) -> Iterator[None]:
        """Inside the context, clones are held back and the source's sockets may hold that much optmem."""
        with (
            changed_optmem_max(self.pair.sender.name, optmem_bytes, self.record),
            held_clones(self.pair.sender, preset_hold(), "ipv4"),
        ):
            yield


@contextmanager
def migration_path() -> Iterator[MigrationPath]:
    """Makes the namespaces; leaving the context removes them. What a killed test leaves, zcprobe doctor --clean
    removes."""
    with journal(new_run_id()) as record, namespace_pair(record) as pair:
        yield MigrationPath(pair, record)
