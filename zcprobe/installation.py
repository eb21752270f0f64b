# SPDX-License-Identifier: GPL-2.0-only
"""How this zcprobe was installed, and so what installs it anew."""

import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

__all__ = ["build_failure", "checkout", "rebuild_command"]


def checkout() -> Path | None:
    """The tree of sources that this is run from, where `make setup` works; None for an installation by pip alone."""
    tree = Path(__file__).resolve().parents[1]
    return tree if (tree / "tools" / "setup.sh").exists() else None


def _origin() -> str:
    """What pip was told to install, as far as it has kept that (direct_url.json)."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        url = json.loads(distribution("zcprobe").read_text("direct_url.json") or "{}").get("url", "")
    except PackageNotFoundError:
        return "zcprobe"
    return unquote(urlparse(url).path) if url.startswith("file:") else url or "zcprobe"


def rebuild_command() -> str:
    """The command that builds the C core again: make in a checkout, else pip."""
    tree = checkout()
    if tree is not None:
        return f"make -C {tree} setup"
    return f"{sys.executable} -m pip install --force-reinstall --no-deps {_origin()}"


def build_failure() -> str | None:
    """Why the compiled core was not built when zcprobe was installed, in the compiler's words; None where it was built,
    or nobody tried."""
    kept = Path(__file__).with_name("native") / "build_failure.txt"
    return kept.read_text().strip() if kept.exists() else None
