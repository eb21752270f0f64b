# SPDX-License-Identifier: GPL-2.0-only
"""The only copy of the version. Packaging reads it from here; asking the installed package would take 25 ms."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
