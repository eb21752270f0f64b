# SPDX-License-Identifier: GPL-2.0-only
"""Facts about this machine. Nothing here changes it."""
