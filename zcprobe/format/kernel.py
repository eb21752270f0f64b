# SPDX-License-Identifier: GPL-2.0-only
"""Constants of the kernel that explain the numbers of a run."""

__all__ = ["DEFAULT_OPTMEM_BYTES", "OLD_DEFAULT_OPTMEM_BYTES", "SKB_TRUESIZE_ZERO_BYTES"]

SKB_TRUESIZE_ZERO_BYTES = 576
"""SKB_TRUESIZE(0): sock_omalloc() refuses when sk_omem_alloc plus this exceeds optmem_max. It is 576 on every 64-bit
kernel examined."""

DEFAULT_OPTMEM_BYTES = 131072
"""The default of net.core.optmem_max since Linux 6.8, for each network namespace."""

OLD_DEFAULT_OPTMEM_BYTES = 20480
"""The default until Linux 6.7, for the whole host."""
