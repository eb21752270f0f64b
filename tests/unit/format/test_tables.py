# SPDX-License-Identifier: GPL-2.0-only
"""The tables as written out agree with the structs and enums of the C core that they repeat."""

import pytest

from zcprobe.format.tables import SAMPLE_TABLE, SENDER_TABLES, TABLES, Table
from zcprobe.native.structs import dtype_of, enum_names

STRUCTS = {
    "sends": "zc_send_record",
    "notifications": "zc_notification_record",
    "flushes": "zc_flush_record",
    "meminfo": "zc_meminfo_record",
    "rounds": "zc_round_record",
    "requests": "zc_request_record",
    "stalls": "zc_stall_record",
    "tcp_info": "zc_tcp_info_record",
    "kernel_events": "zc_kernel_event",
}
ENUMS = {
    ("flushes", "trigger"): ("zc_flush_trigger", "ZC_TRIGGER_"),
    ("meminfo", "reason"): ("zc_meminfo_reason", "ZC_MEMINFO_"),
    ("kernel_events", "kind"): ("zc_event_kind", "ZC_EVENT_"),
}


def test_every_table_has_a_struct_but_that_of_samples() -> None:
    assert [*STRUCTS, SAMPLE_TABLE.name] == list(TABLES)


@pytest.mark.parametrize("table", [TABLES[name] for name in STRUCTS], ids=list(STRUCTS))
def test_a_record_lies_in_memory_as_its_struct(table: Table) -> None:
    expected = dtype_of(STRUCTS[table.name])
    assert table.dtype == expected
    assert table.dtype.fields == expected.fields  # offsets as well
    assert table.dtype.itemsize == expected.itemsize


def test_codes_have_the_words_of_their_enums() -> None:
    of_structs = [TABLES[name] for name in STRUCTS]
    written = {(table.name, column): words for table in of_structs for column, words in table.enums.items()}
    assert written == {place: enum_names(*enum) for place, enum in ENUMS.items()}


def test_flags_and_codes_are_columns() -> None:
    for table in TABLES.values():
        assert {*table.flags, *table.enums} <= set(table.columns)
        assert "reserved" not in table.columns


def test_the_senders_tables_are_in_the_order_of_its_streams() -> None:
    streams = [name for _, name in sorted(enum_names("zc_stream_index", "ZC_STREAM_").items())]
    records = [STRUCTS[table.name].removeprefix("zc_").removesuffix("_record") for table in SENDER_TABLES]
    assert [*records, "count"] == streams
