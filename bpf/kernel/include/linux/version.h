/* SPDX-License-Identifier: GPL-2.0-only */
/* BCC asks for a version to decide on helpers; the oldest kernel with a BPF ring buffer and all we use. */
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE KERNEL_VERSION(5, 15, 0)
