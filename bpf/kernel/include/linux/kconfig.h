/* SPDX-License-Identifier: GPL-2.0-only */
/* BCC's forced include: what the kernel's configuration would say. */
#define CONFIG_BPF_SYSCALL 1
