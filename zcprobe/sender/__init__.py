# SPDX-License-Identifier: GPL-2.0-only
"""The sender: a child process of a run, its connections to the sink, and the loops that send."""
