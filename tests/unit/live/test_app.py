# SPDX-License-Identifier: GPL-2.0-only
"""The screen shows the newest state of a source, whatever its size, and does what keys ask for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.unit.live.screens import MadeUp, row, text_of
from zcprobe.live.app import LiveApp

pytestmark = pytest.mark.picture

Steps = Callable[[LiveApp, "Pilot[None]"], Awaitable[None]]
REMOTES = ["10.100.200.1:49152", "10.100.200.2:49152", "10.100.200.3:49152"]


def busy() -> MadeUp:
    source = MadeUp(row(1, depth=61, used=0.99, rate=612), row(2, depth=100, used=0.5), row(3, rate=9000))
    source.log.add(f"ENOBUFS 3 times (3 optmem): fd 97 to {REMOTES[2]}")
    return source


def driven(source: MadeUp, steps: Steps, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        app = LiveApp(source)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await steps(app, pilot)

    asyncio.run(run())


async def settle(pilot: "Pilot[None]") -> None:
    """Returns when the screen has looked at its source and, however busy this machine is, drawn what it saw."""
    app = pilot.app
    assert isinstance(app, LiveApp)
    source = app._source
    assert isinstance(source, MadeUp)
    enough = source.looks + 2
    async with asyncio.timeout(60):
        while source.looks < enough and app.is_running:
            await pilot.pause(0.02)
    await pilot.pause()


async def press(pilot: "Pilot[None]", *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


def remotes_of(app: LiveApp) -> list[str]:
    """The remote addresses of the rows of the table, from the top; the picked one has a mark."""
    rows = [one for one in text_of(app)[3:] if "10.100.200." in one and "ENOBUFS" not in one]
    return [one[:2].strip() + one.split()[1 + (one[0] == ">")] for one in rows]


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (200, 50), (40, 12)], ids=str)
def test_everything_fits_into_the_terminal(size: tuple[int, int]) -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        for keys in ((), ("g",), ("escape",)):
            await press(pilot, *keys)
            lines = text_of(app)
            assert len(lines) == size[1]
            assert {len(one) for one in lines} == {size[0]}
            assert "q Quit" in lines[-1] or size[0] < 60

    driven(busy(), steps, size)


def test_a_terminal_of_80_by_24_has_all_that_matters() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        lines = text_of(app)
        assert lines[0].startswith("1:02:05 3 sockets of 4194304 (qemu-system-x86), 4194303 (qemu-sys")
        assert lines[0].endswith("  by USED")
        assert lines[1].strip() == "Diagnosis: limit-too-small, unread-out-of-order"
        assert lines[2].split() == ["FD", "REMOTE", "SENDS/S", "UNREAD", "QUEUE", "USED", "LEVELS"]
        assert lines[3].split()[:5] == [">", "99", REMOTES[0], "612", "61"]
        assert "99%" in lines[3]
        assert lines[3].rstrip().endswith("▂▇")
        assert any("ENOBUFS 3 times (3 optmem): fd 97" in one for one in lines[17:])
        assert lines[-1].strip() == "o Sort p Pause g Graphs s Save q Quit"

    driven(busy(), steps)


def test_sorting_keeps_the_pick() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        assert remotes_of(app) == [f">{REMOTES[0]}", REMOTES[1], REMOTES[2]]
        await press(pilot, "o")
        assert remotes_of(app) == [REMOTES[1], f">{REMOTES[0]}", REMOTES[2]]
        await press(pilot, "down", "o")
        assert remotes_of(app) == [f">{REMOTES[2]}", REMOTES[0], REMOTES[1]]
        await press(pilot, "o")
        assert remotes_of(app) == [f">{REMOTES[2]}", REMOTES[1], REMOTES[0]]  # by descriptor

    driven(busy(), steps)


def test_a_new_state_is_shown_unless_it_is_paused() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        await press(pilot, "p")
        source.show(row(7, depth=5))
        source.log.add("process 1 (x) has ended")
        await settle(pilot)
        assert remotes_of(app) == [f">{REMOTES[0]}", REMOTES[1], REMOTES[2]]
        assert "PAUSED" in text_of(app)[0]
        assert not any("has ended" in one for one in text_of(app))
        await press(pilot, "p")
        assert remotes_of(app) == [">10.100.200.7:49152"]
        assert "PAUSED" not in text_of(app)[0]
        assert any("has ended" in one for one in text_of(app))

    source = busy()
    driven(source, steps)


@pytest.mark.parametrize("key", ["enter", "g"])
def test_the_picked_socket_has_its_graphs(key: str) -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        await press(pilot, "down", key)
        text = "\n".join(text_of(app))
        assert f"fd 98 of process 4194304: 10.100.200.250:49152 to {REMOTES[1]}" in text
        assert "Notifications on the error queue: 100 now, 100 at most" in text
        assert "Bytes of optmem: 65536 now, 65536 at most, limit 131072" in text
        assert "sends 1009, ENOBUFS 23 (memlock 3, optmem 20)" in text
        assert "read by multifdsend_0 77; flushes that waited: 0" in text
        source.show(row(2, depth=3, used=0.75))
        await settle(pilot)
        assert "error queue: 3 now, 29 at most" in "\n".join(text_of(app))
        source.show(row(1))
        await settle(pilot)
        assert "This socket is gone." in "\n".join(text_of(app))
        await press(pilot, "escape")
        assert remotes_of(app) == [f">{REMOTES[0]}"]

    counted: dict[str, Any] = {"sends": 1009, "enobufs": 23, "enobufs_causes": {"optmem": 20, "memlock": 3}}
    refused = row(2, depth=100, used=0.5, readers={"multifdsend_0": 77}, flushes_waited=0, **counted)
    source = MadeUp(row(1, used=0.9), refused)
    driven(source, steps)


def test_before_the_first_interval_and_without_sockets_it_says_so() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        assert "The first interval has not ended yet." in text_of(app)[1]
        await press(pilot, "o", "g", "s")  # nothing to sort or to show
        source.show()
        await settle(pilot)
        assert "No socket with zerocopy is open; there are 17 without." in text_of(app)[1]

    source = MadeUp()
    driven(source, steps)


def test_saving_and_quitting_ask_the_source() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        await press(pilot, "s")
        assert (source.saves, source.ends) == (1, 0)
        assert "saving ..." in text_of(app)[0]
        await pilot.press("q")
        assert source.ends == 1

    source = busy()
    driven(source, steps)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_it_can_be_left_from_the_graphs(key: str) -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        await press(pilot, "g")
        await pilot.press(key)
        assert source.ends == 1

    source = busy()
    driven(source, steps)


def test_it_ends_when_the_watching_has_ended() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        source.is_over = True
        async with asyncio.timeout(30):
            while app.is_running:
                await asyncio.sleep(0.05)

    source = busy()
    driven(source, steps)


def test_names_that_others_chose_are_no_markup() -> None:
    async def steps(app: LiveApp, pilot: "Pilot[None]") -> None:
        assert any("[bold]x[/] has ended" in one for one in text_of(app))
        assert not any("\x1b" in one for one in text_of(app))

    source = busy()
    source.log.add("process 1 ([bold]x[/] has ended \x1b[2J")
    driven(source, steps)
