# SPDX-License-Identifier: GPL-2.0-only
"""Figures. `plot_<x>` draws on one pair of axes, and `draw_<x>` draws a whole figure. They stand in
`zcprobe.plots.<x>`.

`from zcprobe.plots import plot_optmem` works too, and imports the module only then.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

_PREFIXES = ("plot_", "draw_")


def __getattr__(name: str) -> Any:
    for prefix in _PREFIXES:
        stem = name.removeprefix(prefix)
        if stem != name and stem in {module.name for module in iter_modules(__path__)}:
            found = getattr(import_module(f"{__name__}.{stem}"), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return sorted(name for module in modules for name in module.__all__ if name.startswith(_PREFIXES))
