# SPDX-License-Identifier: GPL-2.0-only
"""Every option of `zcprobe run` takes effect. The tests here show it from outside the run, or name another test that
does.

tests/unit/test_rules.py shows that an option is refused where it would have no effect.
"""

import ast
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from tests.outside import Namespaces, Processes, Seen, inside, read_counters, read_qdiscs, watched
from zcprobe.cli.parser import make_parser
from zcprobe.lab.namespace import NAMESPACE_FOLDER

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Start = Callable[..., "subprocess.Popen[str]"]
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Test = TypeVar("Test", bound=Callable[..., None])

HERE = Path(__file__).parents[1]

SHOWN_ELSEWHERE = {
    "--help": "cli/test_run.py::test_what_is_no_command_line_is_usage",
    "--verbose": "cli/test_run.py::test_verbose_adds_the_traceback_and_keeps_the_exit_code",
    "--preset": "../senders/test_model.py::test_the_preset_is_told_by_the_options_that_it_stands_for",
    "--scenario": "test_rules.py::test_clones_are_held_back",
    "--policy": "cli/test_run.py::test_text_names_the_outcome_the_cause_and_the_folder",
    "--to": "cli/test_remote.py::test_streams_arrive_in_another_namespace",
    "--token": "cli/test_remote.py::test_the_line_that_a_sink_prints_is_what_its_sender_needs",
    "--token-file": "cli/test_remote.py::test_streams_arrive_in_another_namespace",
    "--set": "benchmark/test_policies.py::test_zerocopy_comes_back_after_some_copies",
    "--flush-result": "benchmark/test_traffic.py::test_only_the_sticky_flag_counts_a_round_without_content",
    "--wait-for": "benchmark/test_wait_for.py::test_pollin_never_tells",
    "--traffic": "benchmark/test_traffic.py::test_every_request_is_answered",
    "--dirty-rate": "benchmark/test_traffic.py::test_a_guest_that_writes_faster_than_the_path_never_does",
    "--downtime": "benchmark/test_traffic.py::test_a_guest_that_writes_faster_than_the_path_never_does",
    "--max-rounds": "benchmark/test_traffic.py::test_a_guest_that_writes_faster_than_the_path_never_does",
    "--reuse": "benchmark/test_buffers.py::test_a_buffer_overwritten_at_once_is_found_out_and_the_run_is_kept",
    "--vsock": "../guests/inside/test_vsock.py::test_every_send_over_vsock_completes",
    "--nics": "lab/test_device.py::test_a_run_uses_the_devices_and_gives_them_back_as_they_were",
    "--deadline": "benchmark/test_run.py::test_a_deadline_ends_a_run_that_makes_progress",
    "--mechanism": "probes/test_mechanisms.py::test_every_mechanism_gives_the_same_numbers",
    "--record-limit": "benchmark/test_record_limit.py::test_what_comes_later_is_counted_and_told",
    "--no-record": "benchmark/test_run.py::test_without_records_the_counters_are_still_exact",
    "--output": "cli/test_run.py::test_text_names_the_outcome_the_cause_and_the_folder",
    "--interval": "cli/test_intervals.py::test_rows_come_while_the_run_lasts",
    "--json": "cli/test_run.py::test_json_is_run_json_and_the_folder",
}

shown_here: set[str] = set()


def shows(*options: str) -> Callable[[Test], Test]:
    """Marks the test that shows the effect of these."""
    shown_here.update(options)
    return lambda test: test


def options_of_run() -> set[str]:
    """The first long spelling of each option."""
    (verbs,) = (action for action in make_parser()._actions if action.dest == "verb")
    assert isinstance(verbs.choices, dict)
    actions = verbs.choices["run"]._actions
    return {next(name for name in action.option_strings if name.startswith("--")) for action in actions}


def test_every_option_has_a_test_that_shows_its_effect() -> None:
    assert options_of_run() == shown_here | set(SHOWN_ELSEWHERE)
    assert not shown_here & set(SHOWN_ELSEWHERE)


@pytest.mark.parametrize("option", SHOWN_ELSEWHERE)
def test_the_test_that_is_named_for_an_option_is_there(option: str) -> None:
    path, _, name = SHOWN_ELSEWHERE[option].partition("::")
    assert name in {node.name for node in ast.parse((HERE / path).read_text()).body if hasattr(node, "name")}


# ---- how a run is watched ----

BASE = ("run", "--scenario", "in-order", "--probes", "none", "--no-record", "-J")


def watch(start_zcprobe: Start, look: Callable[[Namespaces], Any], *words: str, base: tuple[str, ...] = BASE) -> Seen:
    seen = watched(start_zcprobe(*base, *words), look)
    assert seen.code == 0
    assert seen.values
    return seen


def watch_processes(start_zcprobe: Start, look: Callable[[Processes], Any], *words: str) -> Seen:
    seen = watched(start_zcprobe(*BASE, *words), look_at=look)
    assert seen.code == 0
    assert seen.values
    return seen


def sent(ends: Namespaces) -> dict[str, int]:
    return read_counters(ends.sender)


def sockets(ends: Namespaces) -> str:
    """Established ones of the sender with their memory and TCP's state, as ss prints them."""
    return inside(ends.sender, "ss", "-tumin", "state", "established")


def last(seen: Seen, pattern: str) -> list[str]:
    """The match of the pattern in the newest text that has one."""
    found = [re.findall(pattern, text) for text in seen.values]
    return next((matches for matches in reversed(found) if matches), [])


# ---- traffic ----


@pytest.mark.alone
@shows("--length", "--count", "--udp")
def test_as_many_datagrams_of_that_length_as_asked_for(start_zcprobe: Start) -> None:
    """Sends at a pace, so that there are some until they are counted."""
    seen = watch(start_zcprobe, sent, "-u", "-n", "1009", "-l", "700", "-b", "4M")
    # wait until they flow: before that a connection is made and the charge of a send is measured
    before = next(value for value in seen.values if value["UdpOutDatagrams"] > 100)
    after = seen.values[-1]
    assert 900 < after["UdpOutDatagrams"] <= 1009
    grown = {name: after[name] - before[name] for name in ("UdpOutDatagrams", "IpExtOutOctets")}
    assert grown["IpExtOutOctets"] == pytest.approx(grown["UdpOutDatagrams"] * (700 + 28), rel=0.02)
    assert seen.run["sender"]["writes"] == 1009


@pytest.mark.alone
@shows("--time")
def test_a_run_takes_the_time_it_is_given(zcprobe: Command, start_zcprobe: Start) -> None:
    short, long = (watched(start_zcprobe(*BASE, "-t", text)).elapsed_s for text in ("0.2", "2.2"))
    assert long - short == pytest.approx(2.0, abs=0.7)


@shows("--channels")
def test_each_channel_has_a_socket(start_zcprobe: Start) -> None:
    seen = watch(start_zcprobe, sockets, "-P", "5", "-t", "1")
    assert len(last(seen, r"10\.0\.0\.2:5301")) == 5


@shows("--copy-below")
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_small_payloads_have_no_notification_in_the_kernel(protocol: str, zcprobe: Command) -> None:
    """The number of zerocopy sends by the kernel's count of completions; a plain send has no completion."""
    words = ["-n", "211", "--traffic", "mixed", "-l", "500:1,1000:1", "--copy-below", "1000", "--probe-level", "full"]
    result = zcprobe("run", "--scenario", "in-order", "-J", *words, *(["-u"] if protocol == "udp" else []))
    results = results_of(result)
    assert results["writes"] == 211
    assert 60 < results["sends"] < 150
    assert results["true_copied_completions"] == results["sends"]


def results_of(result: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert (result.returncode, result.stderr) == (0, "")
    content: dict[str, Any] = msgspec.json.decode(result.stdout)
    assert content["complete"]
    return {**content["kernel"], **content["sender"]}


@shows("--header")
def test_a_header_of_that_length_reaches_the_sink(zcprobe: Command) -> None:
    results = results_of(zcprobe(*BASE, "--traffic", "rpc", "-n", "101", "-l", "1000", "--header", "300"))
    assert results["sink_bytes"] == 101 * 1300


@shows("--guest", "--zero-pages")
@pytest.mark.parametrize(("percent", "guest_mib"), [("0", 8), ("0", 16), ("100", 16)])
def test_the_guest_reaches_the_sink_but_for_its_zero_pages(percent: str, guest_mib: int, zcprobe: Command) -> None:
    words = ["--traffic", "migration", "--guest", f"{guest_mib}M", "--zero-pages", percent, "--dirty-rate", "0"]
    results = results_of(zcprobe(*BASE, *words))
    headers = guest_mib * 2 * 1344
    content = 0 if percent == "100" else guest_mib << 20
    # the last round covers what was written during the first: nothing
    assert content + headers <= results["sink_bytes"] <= content + 2 * headers


@shows("--buffers")
def test_pages_of_a_file_are_what_is_sent(start_zcprobe: Start) -> None:
    def deleted_files(processes: Processes) -> int:
        return len(re.findall(r" /\S*tmp\S* \(deleted\)", Path(f"/proc/{processes.sender}/maps").read_text()))

    assert max(watch_processes(start_zcprobe, deleted_files, "--buffers", "file", "-t", "1").values) == 1
    assert max(watch_processes(start_zcprobe, deleted_files, "-t", "1").values) == 0


@shows("--no-zerocopy")
def test_plain_sends_charge_no_optmem(start_zcprobe: Start) -> None:
    """`o` of ss -m is the socket's optmem; while sends are held in flight, it is never 0 for long."""
    words = ("run", "--scenario", "held-in-flight", "--probes", "none", "--no-record", "-J", "-t", "1")
    charged, plain = (
        {int(found) for text in watch(start_zcprobe, sockets, *more, base=words).values for found in skmem(text, "o")}
        for more in ((), ("--no-zerocopy",))
    )
    assert max(charged) > 10_000
    assert plain == {0}


def skmem(text: str, member: str) -> list[str]:
    """A member of skmem:(...) of ss, for each connection to the sink."""
    return re.findall(rf"skmem:\([^)]*?\b{member}(\d+)", text)


# ---- sockets ----


@shows("--ipv6")
def test_the_connection_is_of_the_family_asked_for(start_zcprobe: Start) -> None:
    assert last(watch(start_zcprobe, sockets, "-6", "-t", "1"), r"\[fd00::2\]:5301")
    assert last(watch(start_zcprobe, sockets, "-t", "1"), r"10\.0\.0\.2:5301")


@shows("--optmem-max")
def test_the_limit_is_that_of_the_namespace(start_zcprobe: Start) -> None:
    def limit(ends: Namespaces) -> str:
        return inside(ends.sender, "cat", "/proc/sys/net/core/optmem_max").strip()

    assert watch(start_zcprobe, limit, "--optmem-max", "54321", "-t", "1").values[-1] == "54321"


HELD = ("run", "--scenario", "held-completions", "--probes", "none", "--no-record", "-J", "-u")


@pytest.mark.alone
@shows("--hold-share")
@pytest.mark.parametrize("share", [4, 64])
def test_that_share_of_datagrams_is_held(share: int, start_zcprobe: Start) -> None:
    def counts(ends: Namespaces) -> tuple[int, int] | None:
        hold = read_qdiscs(ends.sender).get(("hold0", "tbf"))
        return (hold["packets"] + hold["qlen"], read_counters(ends.sender)["UdpOutDatagrams"]) if hold else None

    words = ("--hold-share", str(share), "--hold-rate", "500M", "-b", "20M", "-t", "2")
    held, datagrams = watch(start_zcprobe, counts, *words, base=HELD).values[-1]
    assert datagrams > 1000
    # before the hold began, at most the datagrams of the calibration were sent, and some between the two looks
    assert held == pytest.approx(datagrams / share, rel=0.4, abs=5)


@shows("--hold-rate")
def test_the_queue_of_held_clones_has_that_rate(start_zcprobe: Start) -> None:
    def rate(ends: Namespaces) -> int | None:
        hold = read_qdiscs(ends.sender).get(("hold0", "tbf"))
        return hold["options"]["rate"] * 8 if hold else None

    assert watch(start_zcprobe, rate, "--hold-rate", "40M", "-t", "1", base=HELD).values[-1] == 40_000_000


@shows("--window")
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_send_buffer_is_of_that_size(protocol: str, start_zcprobe: Start) -> None:
    """The kernel doubles the requested size."""
    words = ("-w", "300000", "-t", "1", *(("-u",) if protocol == "udp" else ()))
    seen = watch(start_zcprobe, sockets, *words)
    assert "600000" in {size for text in seen.values for size in skmem(text, "tb")}


@pytest.mark.alone
@shows("--bitrate")
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(("text", "rate_bps"), [("10M", 10e6), ("200M", 200e6)])
def test_what_leaves_is_as_fast_as_asked_for(
    text: str, rate_bps: float, protocol: str, family: str, start_zcprobe: Start
) -> None:
    """Payload rate by the device's own count without headers; with TCP a full send buffer is sent at once."""

    def leaving(ends: Namespaces) -> tuple[float, int]:
        words = inside(ends.sender, "sh", "-c", "cat /proc/uptime; grep tx0: /proc/net/dev").split()
        return float(words[0]), int(words[words.index("tx0:") + 9])

    udp = protocol == "udp"
    # 64 KiB take 50 ms at 10 Mbit/s, so sends are smaller there
    words = (["-u"] if udp else ["-l", "8K"]) + (["-6"] if family == "ipv6" else [])
    seen = watch(start_zcprobe, leaving, "-b", text, "-t", "3", *words)
    moments = [moment for moment in seen.values if moment[1] > 20_000]
    (start_s, start_bytes), (end_s, end_bytes) = moments[len(moments) // 4], moments[-2]
    assert end_s - start_s > 1
    payload = 1400 / (1400 + (42 if family == "ipv4" else 62)) if udp else 0.97
    assert (end_bytes - start_bytes) * payload * 8 / (end_s - start_s) == pytest.approx(rate_bps, rel=0.08)
    # the run's own figure, over all of its time
    assert seen.run["sender"]["bytes_sent"] * 8e9 / seen.run["sender"]["duration_ns"] == pytest.approx(
        rate_bps, rel=0.05 if udp else 0.3
    )


@pytest.mark.alone
@shows("--nagle", "--cork")
def test_small_sends_share_segments_as_asked_for(start_zcprobe: Start) -> None:
    """With TCP_NODELAY each of 20,011 sends is a segment, except for those that meet a full queue. Nagle's algorithm
    waits for an acknowledgement, TCP_CORK for a full segment."""

    def segments(*words: str) -> int:
        kept: list[int] = []  # holds the namespace open, because the run is over in a moment

        def keep(ends: Namespaces) -> bool:
            if not kept:
                kept.append(os.open(NAMESPACE_FOLDER / ends.sender, os.O_RDONLY | os.O_CLOEXEC))
            return True

        watch(start_zcprobe, keep, "-n", "20011", "-l", "100", *words)
        try:
            return read_counters(f"/proc/{os.getpid()}/fd/{kept[0]}")["TcpOutSegs"]
        finally:
            os.close(kept[0])

    each, nagle, cork = segments(), segments("-N"), segments("--cork")
    assert 20011 * 100 / 1448 < cork < nagle < each
    assert cork < 20011 * 100 / 1448 + 100


@shows("--affinity")
def test_sender_and_sink_run_where_they_are_pinned(start_zcprobe: Start) -> None:
    def cpus(processes: Processes) -> tuple[set[str], str] | None:
        if processes.sink is None:
            return None
        threads = [path.read_text() for path in Path(f"/proc/{processes.sender}/task").glob("*/status")]
        sink = Path(f"/proc/{processes.sink}/status").read_text()
        return {allowed(status) for status in threads}, allowed(sink)

    first, last_cpu = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    seen = watch_processes(start_zcprobe, cpus, "-A", f"{last_cpu},{first}", "-t", "1")
    assert any(str(last_cpu) in sender for sender, _ in seen.values)
    # the process pins itself after it was started
    assert seen.values[-1][1] == str(first)


def allowed(status: str) -> str:
    (found,) = re.findall(r"^Cpus_allowed_list:\s*(\S+)$", status, re.MULTILINE)
    return str(found)


# ---- measurement ----


@pytest.mark.alone
@shows("--settle")
def test_late_completions_are_waited_for_that_long(start_zcprobe: Start) -> None:
    """Clones let go at 1 Mbit/s would take minutes."""
    words = ("run", "--scenario", "held-in-flight", "--policy", "qemu-pre", "--hold-rate", "1M")
    short, long = (
        watched(start_zcprobe(*words, "--probes", "none", "-J", "--settle", text)) for text in ("0.2", "3.2")
    )
    assert short.run["sender"]["in_flight_at_end"] > 0
    assert long.elapsed_s - short.elapsed_s == pytest.approx(3.0, abs=1.2)


@shows("--probes", "--probe-level")
def test_programs_are_there_as_asked_for(start_zcprobe: Start) -> None:
    def programs(processes: Processes) -> int:
        folder = Path(f"/proc/{processes.command}/fdinfo")
        return sum("prog_id:" in path.read_text() for path in folder.iterdir())

    counts = [
        max(watched(start_zcprobe("run", "--scenario", "in-order", "-J", "-t", "0.5", *words), look_at=programs).values)
        for words in (("--probes", "none"), *(("--probe-level", level) for level in ("off", "summary", "full")))
    ]
    assert counts[0] == counts[1] == 0
    assert 0 < counts[2] < counts[3]
