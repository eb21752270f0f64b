"""The command line, as data: parsing has no side effects.

Each verb's options are described by a function of their own, so that those of other verbs are not built, nor what they
mention imported.
"""

import argparse
from collections.abc import Callable, Container
from functools import partial
from pathlib import Path

from zcprobe.isolation import import_msgspec
from zcprobe.units import parse_seconds, parse_whole
from zcprobe.version import VERSION

__all__ = ["DEFAULT_COMPARISON", "make_parser"]

DEFAULT_COMPARISON = ("qemu-pre", "qemu-shipped", "qemu-merged")

_EXIT_CODES = """\
exit codes: 0 ok; 1 the run failed; 2 bad usage; 3 this host cannot do it; 4 data incomplete (lost events, counts
that differ); 5 a defect of zcprobe"""

_RUN_EXAMPLES = """\
examples:
  zcprobe run                                       merged fix, completions held back
  zcprobe run --policy qemu-pre -n 5000             the failure
  zcprobe run --scenario in-order -l 4K -t 5 -J     five seconds of 4 KiB sends, JSON on stdout
"""

_COMPARE_EXAMPLES = """\
examples:
  zcprobe compare                                   with and without the partial-flush fix
  zcprobe compare --scenario in-flight --repeats 9
  zcprobe compare --policies qemu-pre,qemu-merged --optmem-max 20480
"""

_REPORT_EXAMPLES = """\
examples:
  zcprobe report results/*-compare-* -o report.html
  zcprobe report results/RUN results/OTHER_RUN -o two.html
  zcprobe report RUN --allow-incomplete -o - >report.html
"""

_PLOT_EXAMPLES = """\
figures of one run, or of each:  optmem  errqueue
of runs made alike:              with_and_without_the_fix  enobufs  sendmsg_results  stall_latency  goodput
                                 late_completions
examples:
  zcprobe plot RUN -o optmem.svg
  zcprobe plot results/COMPARISON -o fix.pdf
  zcprobe plot RUN OTHER_RUN --figure stall_latency -o stalls.png
"""

_EXPORT_EXAMPLES = """\
formats:
  line         a line per run, for people (the default)
  csv, jsonl   a table of the runs, named with --table, one after the other; `run` is the first column
  openmetrics  summaries, send latencies and stalls as OpenMetrics text (needs the extra `metrics`)
  trace        Chrome trace events for a timeline viewer: ui.perfetto.dev, chrome://tracing
examples:
  zcprobe export results/*
  zcprobe export results/COMPARISON --format csv -o summary.csv
  zcprobe export RUN --format jsonl --table kernel_events | head
  zcprobe export RUN --format trace --between 0.5,0.75 -o trace.json
"""

_SCENARIO_HELP = "what happens to the path: see zcprobe scenarios (held-completions)"

_TABLES = ("summary", "sends", "notifications", "flushes", "meminfo", "rounds", "requests", "stalls", "kernel_events")


def _add_traffic(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("traffic (what is left out takes the scenario's value)")
    group.add_argument(
        "-l", "--length", metavar="SIZE", help="bytes of one send, with K, M or G; or sizes with weights: 1K:8,64K:2"
    )
    group.add_argument(
        "-n", "--count", type=partial(parse_whole, "-n"), metavar="N", help="number of sends of each channel"
    )
    group.add_argument(
        "-t",
        "--time",
        type=partial(parse_seconds, "-t"),
        metavar="SECONDS",
        help="send for that long instead of -n; 90m, 24h",
    )
    group.add_argument(
        "-P",
        "--channels",
        type=partial(parse_whole, "-P"),
        default=1,
        metavar="N",
        help="connections, a thread each (%(default)s)",
    )
    group.add_argument(
        "--traffic", choices=("stream", "migration", "rpc", "mixed"), default="stream", help="(%(default)s)"
    )
    group.add_argument("--copy-below", metavar="SIZE", help="smaller payloads are sent without zerocopy")
    group.add_argument(
        "--header", metavar="SIZE", help="migration, rpc: bytes before each payload, sent without zerocopy"
    )
    group.add_argument("--guest", metavar="SIZE", help="migration: guest memory, over all channels")
    group.add_argument("--dirty-rate", metavar="SIZE", help="migration: bytes that the guest writes in a second")
    group.add_argument(
        "--downtime", type=partial(parse_whole, "--downtime"), metavar="MS", help="migration: limit for the final round"
    )
    group.add_argument(
        "--max-rounds",
        type=partial(parse_whole, "--max-rounds"),
        metavar="N",
        help="migration: rounds until the guest stops anyway",
    )
    group.add_argument(
        "--zero-pages",
        type=partial(parse_whole, "--zero-pages"),
        metavar="PERCENT",
        help="migration: pages that are zero",
    )
    group.add_argument(
        "--reuse",
        choices=("never", "after-completion", "at-once"),
        default="never",
        help="when a buffer is written again (%(default)s)",
    )
    group.add_argument(
        "--buffers", choices=("anonymous", "hugepages", "file"), default="anonymous", help="memory sent from"
    )
    group.add_argument("--no-zerocopy", action="store_true", help="plain copying sends: the control")


def _add_sockets(parser: argparse.ArgumentParser, *, with_vsock: bool = False) -> None:
    group = parser.add_argument_group("sockets")
    family = group.add_mutually_exclusive_group()
    family.add_argument("-6", "--ipv6", action="store_true", help="IPv6")
    if with_vsock:
        family.add_argument("--vsock", action="store_true", help="AF_VSOCK, with --to vsock:CID")
    group.add_argument("-u", "--udp", action="store_true", help="datagrams")
    group.add_argument("--optmem-max", metavar="SIZE", help="net.core.optmem_max of the sender's namespace")
    group.add_argument(
        "--hold-share",
        type=partial(parse_whole, "--hold-share"),
        metavar="N",
        help="scenarios that hold clones back: 1 in N packets",
    )
    group.add_argument("--hold-rate", metavar="RATE", help="and the rate at which held clones are let go")
    group.add_argument("-w", "--window", metavar="SIZE", help="SO_SNDBUF")
    group.add_argument(
        "-b",
        "--bitrate",
        metavar="RATE",
        help="pacing of each channel, by the kernel for TCP and by the sender for others",
    )
    group.add_argument("-N", "--nagle", action="store_true", help="without TCP_NODELAY")
    group.add_argument("--cork", action="store_true", help="with TCP_CORK")
    group.add_argument(
        "--nics",
        "--link",
        metavar="TX,RX",
        help="use these two connected network cards of this host instead of a veth pair",
    )
    group.add_argument(
        "-A", "--affinity", metavar="N[,M]", help="pin the senders to CPU N and the sink to CPU M; with --to N alone"
    )


def _add_policy_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("policy")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the policy: see zcprobe policies",
    )
    group.add_argument("--flush-result", choices=("all-copied", "sticky", "any-copied"), help="what flush() means by 1")
    group.add_argument("--wait-for", choices=("error", "input", "both"), help="poll events of a waiting flush (error)")


def _add_mechanism(group: "argparse._ActionsContainer") -> None:
    group.add_argument(
        "--mechanism",
        choices=("auto", "fentry", "kprobe", "tracepoint"),
        help="how the probes attach; auto, without it, tries them in this order",
    )


def _add_measurement(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("measurement")
    group.add_argument(
        "--deadline",
        type=partial(parse_seconds, "--deadline"),
        metavar="SECONDS",
        help="cut a run that hangs; counted on top of -t (30, or longer where calibration finds a slow path)",
    )
    group.add_argument(
        "--settle",
        type=partial(parse_seconds, "--settle"),
        metavar="SECONDS",
        help="wait for late completions (5)",
    )
    group.add_argument(
        "--probe-level",
        choices=("off", "summary", "timeline", "full"),
        help="BPF probes: none; counts kept in the kernel; an event for whatever moves the error queue or fails a send;"
        " one for every send call, uarg and copy besides (timeline)",
    )
    group.add_argument("--probes", choices=("none",), help="none is --probe-level off")
    _add_mechanism(group)
    group.add_argument("--no-record", action="store_true", help="counters only: no record per send")
    group.add_argument(
        "--record-limit", metavar="SIZE", help="records on the disk before they become tables; then it only counts (4G)"
    )
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="parent of the new folder (%(default)s)",
    )
    group.add_argument("-J", "--json", action="store_true", help="the result as JSON on stdout")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-J", "--json", action="store_true", help="as JSON on stdout")


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run or of a comparison")
    parser.add_argument(
        "--allow-incomplete", action="store_true", help="take runs that lost events or whose counts differ as they are"
    )
    parser.add_argument(
        "--allow-damaged", action="store_true", help="take runs whose files are not as recorded, and say so everywhere"
    )
    parser.add_argument("--skip-damaged", action="store_true", help="leave out damaged runs, and say which")


def _add_report(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    parser.add_argument(
        "--all-figures", action="store_true", help="draw those of every group of runs, not of the first four alone"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), metavar="FILE", help="- is stdout (%(default)s)"
    )


def _add_plot(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    parser.add_argument("--figure", metavar="NAME", help="(optmem of one run; with_and_without_the_fix of several)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="FILE.svg, .png or .pdf; without it SVG on stdout"
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    parser.add_argument(
        "--format",
        choices=("line", "csv", "jsonl", "openmetrics", "trace"),
        default="line",
        help="what to write (%(default)s)",
    )
    parser.add_argument("--table", choices=_TABLES, help="csv, jsonl: which table (summary: a row per run)")
    parser.add_argument("--between", metavar="FROM,TO", help="trace: only that span, in seconds from a run's beginning")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="without it, or with -, stdout")


def _add_run(parser: argparse.ArgumentParser) -> None:
    from zcprobe.policies import POLICIES

    parser.add_argument("--scenario", help=_SCENARIO_HELP)
    parser.add_argument("--policy", help=f"one of {', '.join(POLICIES)} (qemu-merged)")
    parser.add_argument(
        "--to", metavar="HOST[:PORT]", help="send to a zcprobe sink there instead of a scenario of our own"
    )
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--token", metavar="TOKEN", help="with --to: what the sink printed; others see it in ps")
    secret.add_argument("--token-file", metavar="FILE", help="with --to: the same, in a file that nobody else can read")
    _add_policy_options(parser)
    _add_traffic(parser)
    _add_sockets(parser, with_vsock=True)
    _add_measurement(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenario", help=_SCENARIO_HELP)
    parser.add_argument(
        "--policies", default=",".join(DEFAULT_COMPARISON), metavar="A,B,...", help="or all (%(default)s)"
    )
    parser.add_argument(
        "--repeats",
        type=partial(parse_whole, "--repeats", low=1, high=1000),
        default=5,
        metavar="N",
        help="runs of each policy (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=partial(parse_whole, "--seed", low=0, high=2**63 - 1),
        default=None,
        help="of the order of the runs",
    )
    parser.add_argument(
        "--overhead",
        type=partial(parse_whole, "--overhead", low=0, high=1000),
        metavar="N",
        help="measure the probes' own cost in so many rounds; 0: do not (5)",
    )
    parser.add_argument("--no-report", action="store_true", help="without figures and report.html, which take seconds")
    _add_policy_options(parser)
    _add_traffic(parser)
    _add_sockets(parser)
    _add_measurement(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    _add_json(parser)
    parser.add_argument("--clean", action="store_true", help="remove what killed runs left behind")


def _add_overhead(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-l", "--length", default="4K,64K", metavar="SIZE,...", help="bytes per send (%(default)s)")
    parser.add_argument(
        "--rounds",
        type=partial(parse_whole, "--rounds", low=1, high=1000),
        default=9,
        metavar="N",
        help="blocks of each level (%(default)s)",
    )
    _add_mechanism(parser)
    _add_json(parser)


def _add_sink(parser: argparse.ArgumentParser) -> None:
    from zcprobe.config import DEFAULT_PORT

    parser.add_argument(
        "-B", "--bind", metavar="ADDRESS", help="elsewhere than on loopback it asks senders for a token (127.0.0.1)"
    )
    parser.add_argument(
        "-p", "--port", type=partial(parse_whole, "-p", low=1, high=65535), default=DEFAULT_PORT, help="(%(default)s)"
    )
    parser.add_argument("-1", "--one-off", action="store_true", help="end after one sender's run")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="ask senders for the token in FILE; without it one is made and printed, and on loopback none is asked for",
    )
    parser.add_argument("--read-rate", metavar="RATE", help="a slow reader: at most that many bits per second")
    parser.add_argument("--stall-after", metavar="SIZE", help="stop reading once after so many bytes")
    parser.add_argument("--stall", type=partial(parse_seconds, "--stall"), metavar="SECONDS", help="for that long (5)")
    parser.add_argument("--discard", action="store_true", help="take bytes off the socket without looking (MSG_TRUNC)")


_VERBS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str, str]] = {
    "run": (_add_run, "one run of one policy in one scenario", _RUN_EXAMPLES),
    "compare": (_add_compare, "policies on the same traffic: table, verdict, figures, report", _COMPARE_EXAMPLES),
    "policies": (_add_json, "each policy, what it does and what it stands for", ""),
    "scenarios": (_add_json, "each scenario, what it does, and whether this host can run it", ""),
    "doctor": (_add_doctor, "what this host can do, each thing tried", ""),
    "probes": (_add_json, "each probe, the mechanism it would use here, and why not", ""),
    "overhead": (_add_overhead, "what the probes cost here: goodput at each level, time per event", ""),
    "report": (_add_report, "a self-contained HTML report of runs", _REPORT_EXAMPLES),
    "plot": (_add_plot, "one figure of runs", _PLOT_EXAMPLES),
    "export": (_add_export, "runs in other programs' formats", _EXPORT_EXAMPLES),
    "sink": (_add_sink, "the receiver alone, for a sender elsewhere (run --to)", ""),
}
"""In the order of `zcprobe -h`: what adds a verb's options, what it is for, examples."""


class _Parser(argparse.ArgumentParser):
    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """Of `--option=--` argparse makes an empty list before Python 3.13, whatever the option takes."""
        if action.option_strings and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "expected one argument, which cannot be --")
        return super()._get_values(action, arg_strings)


def make_parser(words: Container[str] = tuple(_VERBS)) -> argparse.ArgumentParser:
    """Of the verbs that are not among `words`, which cannot be asked for, it knows the names alone."""
    parser = _Parser(
        prog="zcprobe",
        description="Diagnoses and benchmarks MSG_ZEROCOPY senders.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"zcprobe {VERSION}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (add_options, text, examples) in _VERBS.items():
        verb = verbs.add_parser(
            name,
            help=text,
            description=text,
            epilog=examples or None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_argument("-v", "--verbose", action="store_true", help="a traceback with errors")
        if name in words:
            import_msgspec()  # which their options need
            add_options(verb)
    return parser
