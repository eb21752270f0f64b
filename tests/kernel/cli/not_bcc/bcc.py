# SPDX-License-Identifier: GPL-2.0-only
"""Imitates the project of that name on PyPI: it imports a module that does not exist."""

import a_module_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401
