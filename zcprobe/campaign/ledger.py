# SPDX-License-Identifier: GPL-2.0-only
"""Which runs of a campaign are made, which are missing, and how long those will take."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from zcprobe.campaign.estimate import Clock, assumed_s
from zcprobe.campaign.order import block_order
from zcprobe.campaign.points import PlannedPoint
from zcprobe.campaign.settings import Settings
from zcprobe.format.campaign import Campaign, CampaignRun, Ended, Pending, Point

__all__ = ["Ledger"]


class Ledger:
    """The runs of a campaign, as they are in its campaign.json, which `write` writes. `points`: key -> the point."""

    def __init__(
        self,
        campaign: Campaign,
        points: Sequence[PlannedPoint],
        settings: Settings,
        write: Callable[[], None] = lambda: None,
    ) -> None:
        self._campaign = campaign
        self._write = write
        self.points = {point.key: point for point in points}
        self._settings = settings
        self._clock = Clock({point.key: assumed_s(point.making.benchmark) for point in points})
        self._recorded: dict[str, Point] = {point.key: point for point in campaign.points}
        self._made: set[tuple[str, int]] = set()
        for key, recorded in self._recorded.items():
            for run in recorded.runs:
                self._note(key, run)

    def _note(self, key: str, run: CampaignRun) -> None:
        """A run that was interrupted is made again."""
        if run.outcome != "interrupted":
            self._made.add((key, run.block))
        if run.folder is not None and run.took_s is not None:
            self._clock.learn(key, run.took_s)

    def missing(self, block: int) -> list[str]:
        """The points that have no run in that block, in its order."""
        order = block_order(list(self.points), self._settings.seed, block)
        return [key for key in order if (key, block) not in self._made]

    def before(self, block: int) -> list[Point]:
        """The points with the runs of earlier blocks only."""
        return [
            msgspec.structs.replace(point, runs=[run for run in point.runs if run.block < block])
            for point in self._recorded.values()
        ]

    def reasons_of_failure(self, block: int) -> list[str]:
        """Why runs of the block failed, one for each that did."""
        runs = [run for point in self._recorded.values() for run in point.runs]
        return [run.why or "" for run in runs if run.block == block and run.outcome == "failed"]

    def expected_s(self, key: str) -> float:
        """The time that a run of the point takes."""
        return self._clock.expected_s(key)

    def has_time_for(self, keys: Iterable[str]) -> bool:
        budget_s = self._settings.budget_s
        return budget_s is None or self._campaign.spent_s + self._clock.sum_s(keys) <= budget_s

    def progress(self, block: int) -> tuple[int, int, float]:
        """How many runs are made, how many there will be at the end of the last block that is known, and the seconds
        that the others will take."""
        blocks = range(1, max(self._settings.repeats, block) + 1)
        missing = [key for key in self.points for one in blocks if (key, one) not in self._made]
        planned = len(blocks) * len(self.points)
        return planned - len(missing), planned, self._clock.sum_s(missing)

    def begin(self, key: str, block: int, run_id: str) -> None:
        """Writes down that the run begins. What was said of the runs when the campaign had ended before is not true of
        all of them any more."""
        campaign = self._campaign
        campaign.ended, campaign.stamp, campaign.noise, campaign.verdicts = None, None, None, []
        campaign.pending = Pending(key=key, block=block, run_id=run_id)
        self._write()

    def add(self, key: str, run: CampaignRun) -> None:
        """Writes the run down."""
        self._campaign.pending = None
        self._recorded[key].runs.append(run)
        self._note(key, run)
        self._write()

    def spend(self, seconds: float) -> None:
        """Adds time to what was spent, to be written with the next run."""
        self._campaign.spent_s += seconds

    def rest(self) -> None:
        """Writes down that no run is in progress, and the time that was spent."""
        self._campaign.pending = None
        self._write()

    def end(self, why: Ended) -> None:
        self._campaign.ended = why
        self._write()
