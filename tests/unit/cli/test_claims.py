# SPDX-License-Identifier: GPL-2.0-only
import io
from pathlib import Path

from rich.console import Console

from zcprobe.analysis.comparisons import claims_of
from zcprobe.cli.claims import claim_table
from zcprobe.dataset.load import load_comparison

FIVE = Path(__file__).parents[2] / "data" / "version_3" / "held-completions"


def test_each_claim_is_a_row_with_the_noise_beside_it() -> None:
    claims = claims_of(load_comparison(FIVE))
    out = io.StringIO()
    Console(file=out, width=250).print(claim_table(claims, "qemu-pre"))
    title, _, head, _, *rows = out.getvalue().splitlines()
    assert "against qemu-pre" in title
    assert "noise" in head
    assert len(rows) == len(claims) + 1
    for claim, row in zip(claims, rows, strict=False):
        assert claim.candidate in row
        assert ("no difference shown" in row) == (not claim.shown)
