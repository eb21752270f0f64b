# SPDX-License-Identifier: GPL-2.0-only
"""What a run changes on this host: network namespaces, impairments, limits. Each is a context manager that undoes its
change."""
