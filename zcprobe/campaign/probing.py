# SPDX-License-Identifier: GPL-2.0-only
"""The probes of a campaign's runs: those of one run watch the next one too, as long as it needs the same."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from zcprobe.benchmark.defaults import Benchmark, open_probes
from zcprobe.closable import Closable

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["SharedProbes"]


class SharedProbes(Closable):
    """At most one set of probes at a time, because programs that watch nothing would still slow every run down."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._needs: tuple[object, ...] | None = None
        self._session: ProbeSession | None = None

    def close(self) -> None:
        self._stack.close()

    def needed_by(self, benchmark: Benchmark) -> "ProbeSession | None":
        """The probes for a run of it; None at level off. HostError if they cannot be loaded."""
        config = benchmark.config
        needs = (config.mechanism, config.probe_level, benchmark.is_bound_by_memlock)
        if needs != self._needs:
            self._needs = None
            self._stack.close()
            self._session = self._stack.enter_context(open_probes(benchmark))
            self._needs = needs
        return self._session
