# SPDX-License-Identifier: GPL-2.0-only
"""BPF C of the probes and the few stub headers that BCC compiles them against."""
