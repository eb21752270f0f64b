# SPDX-License-Identifier: GPL-2.0-only
"""Two network cards of a guest on one hub of QEMU's: one receives what the other sends, and no data is copied before.

e1000 has scatter-gather (NETIF_F_SG), so its driver maps the sender's own pages and completes the send once QEMU has
read them. virtio-net on a hub has no scatter-gather: its completions say zerocopied although the data was copied long
before.
"""

__all__ = ["HUB_OPTIONS", "MAC_ADDRESSES"]

MAC_ADDRESSES = ("52:54:00:12:34:01", "52:54:00:12:34:02")


def _card(number: int, address: str) -> str:
    return f"-netdev hubport,id=h{number},hubid=7 -device e1000,netdev=h{number},mac={address}"


HUB_OPTIONS: tuple[str, ...] = tuple(_card(number, address) for number, address in enumerate(MAC_ADDRESSES))
"""The options for QEMU's command line."""
