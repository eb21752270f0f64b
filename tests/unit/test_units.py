# SPDX-License-Identifier: GPL-2.0-only
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcprobe.errors import UsageError
from zcprobe.units import (
    format_bytes,
    format_duration_ns,
    format_rate_bps,
    parse_bytes,
    parse_percent,
    parse_rate_bps,
    parse_seconds,
    parse_share,
    parse_whole,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("4096", 4096), ("64K", 65536), ("64k", 65536), ("1M", 1 << 20), ("1.5K", 1536), ("2G", 2 << 30)],
)
def test_sizes_are_powers_of_1024(text: str, value: int) -> None:
    assert parse_bytes(text) == value


def test_rates_are_powers_of_1000() -> None:
    assert parse_rate_bps("600M") == 600_000_000
    assert parse_rate_bps("0.000001M") == 1


def test_a_number_beyond_every_range_is_read_as_one() -> None:
    """The caller that knows the range refuses the number, although Python refuses to parse so many digits."""
    assert parse_bytes("9" * 5000) >= 2**64
    assert parse_rate_bps(f"{2**63}") == 2**63
    assert parse_whole("-n", "9" * 5000) >= 2**64
    assert parse_whole("-n", f"-{'9' * 5000}") <= -(2**64)


@pytest.mark.parametrize("text", ["", "1e3", "1.5", "0x10", "inf", "1 2", "²"])
def test_what_is_no_whole_number_is_refused_with_the_option_it_was_given_to(text: str) -> None:
    with pytest.raises(UsageError, match=r"^-n takes a whole number, not"):
        parse_whole("-n", text)


def test_a_whole_number_out_of_range_is_refused_with_the_range() -> None:
    assert parse_whole("--rounds", "7", 1, 9) == 7
    for text in ("0", "10", "-1"):
        with pytest.raises(UsageError, match="is out of range") as refused:
            parse_whole("--rounds", text, 1, 9)
        assert refused.value.hint == "choose a whole number from 1 to 9"


def test_seconds_are_numbers() -> None:
    assert parse_seconds("-t", "0.5") == parse_seconds("-t", "0.5s") == 0.5
    assert parse_seconds("-t", "1.5m") == 90
    assert parse_seconds("-t", "24h") == 86400
    assert parse_seconds("--delay", "20ms") == pytest.approx(0.02)
    assert parse_seconds("--delay", "50us") == pytest.approx(50e-6)
    with pytest.raises(UsageError, match=r"^-t takes seconds, not 'soon'"):
        parse_seconds("-t", "soon")


@pytest.mark.parametrize(("text", "share"), [("1/16", 0.0625), ("0.5", 0.5), ("6.25%", 0.0625), ("1", 1.0)])
def test_a_share_is_a_fraction_a_number_or_a_percentage(text: str, share: float) -> None:
    assert parse_share("--late-share", text) == share


@pytest.mark.parametrize("text", ["", "0", "-1", "1.1", "2/1", "1/0", "1/", "/2", "nan", "inf", "many", "101%"])
def test_what_is_not_above_0_and_at_most_1_is_no_share(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--late-share .* is not a share"):
        parse_share("--late-share", text)


@pytest.mark.parametrize("text", ["", "-1", "4KB", "K", "1.3", "1e3", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a"):
        parse_bytes(text)


@given(st.integers(min_value=0, max_value=1 << 50))
def test_every_plain_number_of_bytes_is_itself(value: int) -> None:
    assert parse_bytes(str(value)) == value


def test_quantities_are_shown_with_three_digits() -> None:
    assert format_bytes(131072) == "128 KiB"
    assert format_rate_bps(3.456e9) == "3.46 Gbit/s"
    assert format_duration_ns(35_400_000) == "35.4 ms"
    assert format_duration_ns(7_200_000_000_000) == "7200 s"


@pytest.mark.parametrize(("text", "share"), [("5", 0.05), ("5%", 0.05), (" 0.5 % ", 0.005), ("0", 0.0), ("100", 1.0)])
def test_a_percentage_is_a_share(text: str, share: float) -> None:
    assert parse_percent("--smallest-effect", text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "-1", "100.1", "nan", "1e1", "5 %%", "²"])
def test_what_is_no_percentage_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(UsageError, match="--smallest-effect takes a percentage from 0 to 100"):
        parse_percent("--smallest-effect", text)
