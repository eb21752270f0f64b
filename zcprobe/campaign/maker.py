# SPDX-License-Identifier: GPL-2.0-only
"""Makes the runs of a campaign one by one. A run that fails is an entry like any other."""

import time

from zcprobe.benchmark.run import CompletedRun, record_run
from zcprobe.campaign.entry import entry_of, failed
from zcprobe.campaign.ledger import Ledger
from zcprobe.campaign.points import PlannedPoint
from zcprobe.campaign.probing import SharedProbes
from zcprobe.closable import Closable
from zcprobe.directory import Directory
from zcprobe.errors import OutputError, ZcprobeError
from zcprobe.format.campaign import CampaignRun
from zcprobe.interrupt import Interruption
from zcprobe.journal import journal, new_run_id
from zcprobe.recorder.run_directory import folder_name, open_run_directory

__all__ = ["RunMaker"]


class RunMaker(Closable):
    """Makes runs in the campaign's folder, after `warm_up` runs that are thrown away."""

    def __init__(self, directory: Directory, ledger: Ledger, warm_up: int, interruption: Interruption) -> None:
        self._directory = directory
        self._ledger = ledger
        self._warm_up = warm_up
        self._interruption = interruption
        self._probes = SharedProbes()

    def close(self) -> None:
        self._probes.close()

    def make(self, key: str, block: int) -> CampaignRun | None:
        """The run, which is in the ledger; None if it was interrupted before there was anything to keep."""
        point = self._ledger.points[key]
        while self._warm_up and not self._interruption.signal_number:
            self._warm_up -= 1
            self._throw_away(point)
        if self._interruption.signal_number:
            return None
        began_s = time.monotonic()
        try:
            return self._make(point, block, began_s)
        finally:
            self._ledger.spend(time.monotonic() - began_s)

    def _make(self, point: PlannedPoint, block: int, began_s: float) -> CampaignRun | None:
        directory, run_id = self._directory, new_run_id()
        kept: list[CampaignRun] = []

        def keep(done: CompletedRun) -> None:
            name, took_s = done.folder.name, time.monotonic() - began_s
            kept.append(entry_of(directory.within / name, name, done.metadata, block, took_s))
            self._ledger.add(point.key, kept[0])

        self._ledger.begin(point.key, block, run_id)
        try:
            making = point.making
            record_run(
                making.benchmark,
                directory,
                self._probes.needed_by(making.benchmark),
                self._interruption,
                on_kept=keep,
                token=making.token,
                run_id=run_id,
            )
        except KeyboardInterrupt:
            # the first request came before the sender ran, so there is nothing to keep of this run
            if self._interruption.requests > 1:
                raise
        except (OutputError, OSError):
            raise  # the next run could not be stored either
        except Exception as error:
            if kept:
                self._interruption.tell(f"{kept[0].folder} is kept; after that: {_reason(error)}")
            else:
                kept.append(failed(block, _reason(error), took_s=time.monotonic() - began_s))
                self._ledger.add(point.key, kept[0])
        return kept[0] if kept else None

    def _throw_away(self, point: PlannedPoint) -> None:
        """Makes a run in a folder of its own, which is removed again. Whatever fails will fail in a run that counts."""
        began_s, run_id = time.monotonic(), new_run_id()
        benchmark = point.making.benchmark
        try:
            with journal(run_id) as entry:
                name = folder_name(benchmark.config.scenario, "warm-up", run_id)
                with open_run_directory(self._directory, name, entry) as scratch:
                    probes = self._probes.needed_by(benchmark)
                    record_run(benchmark, scratch.directory, probes, self._interruption, token=point.making.token)
        except KeyboardInterrupt:
            if self._interruption.requests > 1:
                raise
        except (ZcprobeError, OSError):
            pass
        finally:
            self._ledger.spend(time.monotonic() - began_s)


def _reason(error: Exception) -> str:
    """The error as the sentence that the list of runs has."""
    text = " ".join(str(error).split())
    return text if isinstance(error, ZcprobeError) else f"unexpected {type(error).__name__}: {text}"
