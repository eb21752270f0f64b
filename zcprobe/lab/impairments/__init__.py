# SPDX-License-Identifier: GPL-2.0-only
"""Impairments of the path, one file each: its parameters, how it is put on a path, and what it has done there.

A scenario has any number of them. In two of them packets wait in a TBF qdisc, a queue of known rate and length.
"""
