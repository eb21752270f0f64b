# SPDX-License-Identifier: GPL-2.0-only
"""What it means that an entry of the error queue failed one of the core's checks."""

from zcprobe.native import lib

__all__ = ["CHECK_TEXTS"]

CHECK_TEXTS = {
    lib.ZC_CHECK_READ: "reading the error queue failed",
    lib.ZC_CHECK_CMSG: "an entry of the error queue carried no IP_RECVERR message",
    lib.ZC_CHECK_ERRNO: "the error queue held a socket error",
    lib.ZC_CHECK_ORIGIN: "the error queue held an entry that is not a zerocopy notification",
    lib.ZC_CHECK_BOUNDS: "a notification's range ended before it began",
    lib.ZC_CHECK_COUNT: "the error queue reported more completions than sends",
}
"""For each constant of enum zc_check but ZC_CHECK_NONE: what `error_check` of struct zc_result says in a sentence."""
