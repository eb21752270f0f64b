/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing of it is needed: BCC brings its own copy of the BPF interface. */
