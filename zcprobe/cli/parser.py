# SPDX-License-Identifier: GPL-2.0-only
"""The command line, as data: parsing has no side effects.

The arguments of each verb are in a module of `zcprobe.cli.arguments`, which is imported when the verb is asked for, so
that `zcprobe -h` imports nothing that one verb alone mentions.
"""

import argparse
from collections.abc import Container
from importlib import import_module

from zcprobe.isolation import import_msgspec
from zcprobe.version import VERSION

__all__ = ["make_parser"]

_EXIT_CODES = """\
exit codes: 0 ok; 1 the run failed, or is worse than a baseline; 2 bad usage; 3 this host cannot do it; 4 data
incomplete (lost events, counts that differ); 5 a defect of zcprobe"""

_VERBS: dict[str, tuple[str, str, str]] = {
    "run": ("run", "add_run", "one run of one policy in one scenario"),
    "compare": ("compare", "add_compare", "policies on the same traffic: table, verdict, figures, report"),
    "campaign": (
        "campaign",
        "add_campaign",
        "a plan of many runs: axes over every option of run, shuffled, resumable",
    ),
    "attach": ("attach", "add_attach", "watches a running sender from outside, and says what is wrong with it"),
    "live": ("live", "add_live", "attach as a screen: each socket's queue and optmem as they change"),
    "predict": ("predict", "add_predict", "the optmem_max that a sender needs, with formula and assumptions"),
    "policies": ("host", "add_json", "each policy, what it does and what it stands for"),
    "scenarios": ("host", "add_json", "each scenario, what it does, and whether this host can run it"),
    "doctor": ("host", "add_doctor", "what this host can do, each thing tried"),
    "probes": ("host", "add_json", "each probe, the mechanism it would use here, and why not"),
    "overhead": ("host", "add_overhead", "what the probes cost here: goodput at each level, time per event"),
    "report": ("report", "add_report", "a self-contained HTML report of runs"),
    "plot": ("plot", "add_plot", "one figure of runs"),
    "export": ("export", "add_export", "runs in other programs' formats"),
    "answer": ("answer", "add_answer", "the answers to questions, computed anew from a campaign's run folders"),
    "index": ("index", "add_index", "one table of all runs in a folder, which makes loading and SQL quick"),
    "sink": ("sink", "add_sink", "the receiver alone, for a sender elsewhere (run --to)"),
}
"""The verbs in the order of `zcprobe -h`: the module of `zcprobe.cli.arguments` and its function that adds the verb's
arguments, and what the verb is for. `EXAMPLES` of the module end the verb's help."""


class _Parser(argparse.ArgumentParser):
    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """Refuses `--option=--`, of which argparse makes an empty list before Python 3.13."""
        if action.option_strings and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "expected one argument, which cannot be --")
        return super()._get_values(action, arg_strings)


def make_parser(words: Container[str] = tuple(_VERBS)) -> argparse.ArgumentParser:
    """The parser. Verbs that are not among `words` have a name but no arguments, because they cannot be asked for."""
    parser = _Parser(
        prog="zcprobe",
        description="Diagnoses and benchmarks MSG_ZEROCOPY senders.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"zcprobe {VERSION}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module, function, text) in _VERBS.items():
        verb = verbs.add_parser(
            name,
            help=text,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_argument("-v", "--verbose", action="store_true", help="a traceback with errors")
        if name in words:
            import_msgspec()  # the modules of arguments need it
            arguments = import_module(f"zcprobe.cli.arguments.{module}")
            verb.epilog = getattr(arguments, "EXAMPLES", None)
            getattr(arguments, function)(verb)
    return parser
