# SPDX-License-Identifier: GPL-2.0-only
"""The captions of a comparison's figures: what a figure shows, from how many runs, with which interval, and whether the
runs are VALID."""

from zcprobe.analysis.sendmsg_results import kernel_agrees
from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.load import Comparison
from zcprobe.dataset.path import leaves_host
from zcprobe.format.intervals import CONFIDENCE
from zcprobe.plots.enobufs import MOST_BARS
from zcprobe.plots.method_line import method_text, repeats_text
from zcprobe.plots.words import counted

__all__ = ["captions"]

_DATAGRAMS = ("sent", "received", "missing")


def captions(comparison: Comparison) -> dict[str, str]:
    """Name of the figure -> one paragraph of plain text."""
    repeats = repeats_text(comparison.runs)
    texts = {
        "with_and_without_the_fix": (
            "What filled optmem, when the send failed and what the flush cost: the charges of unread notifications and"
            " of sends still in flight, against the limit. Each policy is shown by one run, the one with the median"
            f" number of sends ({repeats}). All columns share their time axes. The level is read at each completion,"
            " each notification read, each ENOBUFS and each SO_MEMINFO sample; of a long run only the extremes in each"
            " of 400 spans of time are drawn. The charge of a notification that is just being freed is taken off."
            " ENOBUFS within a thousandth of an axis share one mark."
        ),
        "enobufs": (
            "Each ENOBUFS of the same representative runs: what held optmem when the call was refused. Where a run met"
            f" more than {MOST_BARS}, a bar is the mean of several in a row. Unread charges go away when notifications"
            f" are read, and charges in flight only when the kernel completes the sends ({repeats}; one run per policy"
            " is shown)."
        ),
        "sendmsg_results": (
            f"sendmsg calls by what they returned, summed over all runs of a policy ({repeats})."
            f" {_kernel_agrees(comparison)}"
        ),
        "stall_latency": (
            "How long a sender stands still when its policy answers ENOBUFS: distribution over all stalls of all runs"
            f" ({repeats}). Stalls within a run are not independent, so no interval is given."
        ),
        "goodput": (
            "Goodput of each run: what arrived at the sink, over the run's time. The bar is the median over runs, the"
            f" whiskers its {CONFIDENCE:.0%} bootstrap interval with the run as the unit ({repeats})."
            f"{_what_is_missing(comparison)}{_what_goodput_is(comparison)}"
        ),
        "late_completions": (
            "The kernel function that dropped the last reference to the data of each completion that became an errqueue"
            f" entry of its own, over all runs ({repeats}). Entries that fill a hole are the late ones; whatever held"
            " their data keeps notifications from merging. Merged completions leave no stack."
        ),
        "round_trips": (
            "How long a round trip took, as TCP measured it, in the same representative runs: TCP_INFO, smoothed,"
            " sampled at most once a millisecond while the sender sends. A stall that lasts longer than a round trip"
            " waits for something else than acknowledgements. The numbers below the figure are medians over all runs"
            f" ({repeats}); runs without records, without TCP, or from before there were such samples have none."
        ),
    }
    method = f" Made with {method_text(comparison.runs)}. {stamp_of(comparison.runs).text}." if comparison.runs else ""
    return {name: text + method for name, text in texts.items()}


def _what_is_missing(comparison: Comparison) -> str:
    """Says how many runs have no goodput, and how many datagrams did not arrive."""
    senders = [run.sender for run in comparison.runs]
    silent = sum(sender.goodput_bps is None for sender in senders)
    text = f" {counted(silent, 'run')} of {len(senders)} had no report from the sink and no goodput." if silent else ""
    known = [sender for sender in senders if sender.datagrams_missing is not None]
    if known:
        sent, received, missing = (sum(getattr(one, f"datagrams_{what}") for one in known) for what in _DATAGRAMS)
        text += f" Of {sent:,} datagrams sent, {received:,} were received and {missing:,} are missing."
    return text


def _what_goodput_is(comparison: Comparison) -> str:
    if any(leaves_host(run.meta) for run in comparison.runs):
        return ""
    return (
        " Loopback and veth copy the data of every zerocopy send,"
        " so the figure shows effects of pressure on optmem, never the speed of zerocopy."
    )


def _kernel_agrees(comparison: Comparison) -> str:
    agree = [kernel_agrees(run) for run in comparison.runs]
    if not agree or None in agree:
        return "Counted by the sender; the kernel's own count is not known for every run."
    differing = agree.count(False)
    if differing:
        return f"Counted by the sender; the kernel's own count differs in {differing} of {len(agree)} runs."
    return f"Counted by the sender; the kernel's own count is the same in all {len(agree)} runs."
