# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.format.holders import UNKNOWN_HOLDER, last_holder

_COMPLETING = ["sk_error_report+0x6c", "__msg_zerocopy_callback+0x1a1", "skb_release_data+0x9d"]


@pytest.mark.parametrize(
    ("frames", "holder"),
    [
        ([*_COMPLETING, "consume_skb+0x43", "ifb_xmit+0xc6", "dev_hard_start_xmit+0x5f"], "ifb_xmit"),
        ([*_COMPLETING, "__kfree_skb+0x25", "tcp_ack+0x6b7", "tcp_rcv_established+0x25b"], "tcp_ack"),
        ([*_COMPLETING, "__kfree_skb+0x25", "tcp_rtx_synack.part.0+0x1"], "tcp_rtx_synack"),
        (["sk_error_report+0x15", "sock_dequeue_err_skb+0xbb", "ip_recv_error+0x39"], UNKNOWN_HOLDER),
        (_COMPLETING, UNKNOWN_HOLDER),
        ([], UNKNOWN_HOLDER),
    ],
)
def test_the_holder_is_the_first_frame_that_does_more_than_free(frames: list[str], holder: str) -> None:
    assert last_holder(frames) == holder
