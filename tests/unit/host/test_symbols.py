# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from zcprobe.errors import HostError
from zcprobe.host.symbols import read_symbols

CAPTURED = """\
ffffffff81000000 T srso_alias_untrain_ret
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81e32e20 t __pfx_sock_ofree
ffffffff81e32e30 t sock_ofree
ffffffff81e32e60 T __pfx_sk_set_peek_off
ffffffff81e45070 T __pfx_msg_zerocopy_realloc
ffffffff81e45080 T msg_zerocopy_realloc
ffffffff81e452d0 t __pfx___skb_complete_tx_timestamp
ffffffffc0201000 t ftrace_trampoline\t[__builtin__ftrace]
"""
PER_CPU_OF_OLDER_KERNELS = """\
0000000000000000 A fixed_percpu_data
0000000000020000 A irq_stack_backing_store
"""


@pytest.fixture
def kallsyms(tmp_path: Path) -> Path:
    path = tmp_path / "kallsyms"
    path.write_text(PER_CPU_OF_OLDER_KERNELS + CAPTURED)
    return path


def test_finds_a_symbol_by_its_exact_name(kallsyms: Path) -> None:
    symbols = read_symbols(kallsyms)
    assert symbols.address_of("sock_ofree") == 0xFFFFFFFF81E32E30
    assert symbols.address_of("sock_ofre") is None
    assert symbols.address_of("fixed_percpu_data") is None


def test_module_symbols_are_known_by_their_bare_name(kallsyms: Path) -> None:
    assert read_symbols(kallsyms).address_of("ftrace_trampoline") == 0xFFFFFFFFC0201000


def test_a_range_ends_where_the_next_symbol_begins(kallsyms: Path) -> None:
    symbols = read_symbols(kallsyms)
    assert symbols.range_of("msg_zerocopy_realloc") == (0xFFFFFFFF81E45080, 0xFFFFFFFF81E452D0)
    assert symbols.range_of("_stext") == (0xFFFFFFFF81000000, 0xFFFFFFFF81E32E20)
    assert symbols.range_of("no_such_function") is None
    assert symbols.range_of("ftrace_trampoline") is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (0xFFFFFFFF81E45080, ("msg_zerocopy_realloc", 0)),
        (0xFFFFFFFF81E452CF, ("msg_zerocopy_realloc", 0x24F)),
        (0xFFFFFFFF81000000, ("srso_alias_untrain_ret", 0)),
        (0xFFFFFFFFC0201010, ("ftrace_trampoline", 0x10)),
        (0x7F0000001234, ("0x7f0000001234", 0)),
    ],
)
def test_resolves_addresses(kallsyms: Path, address: int, expected: tuple[str, int]) -> None:
    assert read_symbols(kallsyms).resolve(address) == expected


def test_order_in_the_file_does_not_matter(tmp_path: Path, kallsyms: Path) -> None:
    shuffled = tmp_path / "shuffled"
    shuffled.write_text("\n".join(reversed(CAPTURED.splitlines())))
    expected, found = read_symbols(kallsyms), read_symbols(shuffled)
    assert found.range_of("sock_ofree") == expected.range_of("sock_ofree")


def test_of_two_symbols_with_one_name_the_lower_counts(tmp_path: Path) -> None:
    path = tmp_path / "kallsyms"
    path.write_text("ffffffff81000010 t init\nffffffffc0000000 t init\t[veth]\n")
    assert read_symbols(path).address_of("init") == 0xFFFFFFFF81000010


@pytest.mark.parametrize("text", ["0000000000000000 T _stext\n0000000000000000 t sock_ofree\n", ""])
def test_hidden_addresses_are_an_error_with_a_hint(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kallsyms"
    path.write_text(text)
    with pytest.raises(HostError, match="hides all addresses") as caught:
        read_symbols(path)
    assert "kptr_restrict" in caught.value.hint


@pytest.mark.parametrize("text", ["not kallsyms at all, but long enough\n", "short\n"])
def test_another_format_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kallsyms"
    path.write_text(text)
    with pytest.raises(HostError, match="cannot read kernel symbols"):
        read_symbols(path)
