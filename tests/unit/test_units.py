import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcprobe.errors import UsageError
from zcprobe.units import format_bytes, format_duration_ns, format_rate_bps, parse_bytes, parse_rate_bps


@pytest.mark.parametrize(
    ("text", "value"),
    [("4096", 4096), ("64K", 65536), ("64k", 65536), ("1M", 1 << 20), ("1.5K", 1536), ("2G", 2 << 30)],
)
def test_sizes_are_powers_of_1024(text: str, value: int) -> None:
    assert parse_bytes(text) == value


def test_rates_are_powers_of_1000() -> None:
    assert parse_rate_bps("600M") == 600_000_000


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
