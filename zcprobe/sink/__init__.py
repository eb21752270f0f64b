# SPDX-License-Identifier: GPL-2.0-only
"""The receiver: as a child process of a run, or alone for whoever comes."""
