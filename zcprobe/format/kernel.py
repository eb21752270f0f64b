"""Constants of the kernel by which the numbers of a run are to be understood."""

__all__ = ["DEFAULT_OPTMEM_BYTES", "OLD_DEFAULT_OPTMEM_BYTES", "SKB_TRUESIZE_ZERO_BYTES"]

SKB_TRUESIZE_ZERO_BYTES = 576
"""sock_omalloc() refuses when sk_omem_alloc + SKB_TRUESIZE(0) > optmem_max; 576 on every 64-bit kernel examined."""

DEFAULT_OPTMEM_BYTES = 131072
"""net.core.optmem_max since Linux 6.8, of each network namespace."""

OLD_DEFAULT_OPTMEM_BYTES = 20480
"""The default until 6.7, of the whole host."""
