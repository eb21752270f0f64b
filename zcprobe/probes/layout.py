# SPDX-License-Identifier: GPL-2.0-only
"""What the probes must know about the running kernel: member offsets from BTF, addresses from its symbol table."""

import platform
from collections.abc import Callable, Iterable

from zcprobe.errors import HostError
from zcprobe.host.btf import Btf
from zcprobe.host.symbols import Symbols
from zcprobe.probes.uarg import COMPLETIONS

__all__ = ["kernel_definitions", "type_definitions"]

_MEMBERS = (
    ("sock", "sk_omem_alloc"),
    ("sock", "sk_error_queue"),
    ("sock", "sk_error_queue.prev"),
    ("sock", "sk_error_queue.qlen"),
    ("sock", "sk_zckey"),
    ("sock", "sk_protocol"),
    ("sock", "__sk_common.skc_family"),
    ("sock", "__sk_common.skc_net"),
    ("sock", "__sk_common.skc_cookie"),
    ("sock", "__sk_common.skc_flags"),
    ("sock", "__sk_common.skc_num"),
    ("sock", "__sk_common.skc_dport"),
    ("sock", "__sk_common.skc_daddr"),
    ("sock", "__sk_common.skc_rcv_saddr"),
    ("sock", "sk_socket"),
    ("socket", "file"),
    ("file", "f_inode"),
    ("inode", "i_ino"),
    ("net", "ns.inum"),
    ("sk_buff", "sk"),
    ("sk_buff", "cb"),
    ("sk_buff", "destructor"),
    ("sk_buff", "truesize"),
    ("sk_buff", "head"),
    ("sk_buff", "end"),
    ("skb_shared_info", "flags"),
    ("skb_shared_info", "destructor_arg"),
    ("sock_exterr_skb", "ee.ee_errno"),
    ("sock_exterr_skb", "ee.ee_data"),
    ("msghdr", "msg_flags"),
    ("task_struct", "cred"),
    ("task_struct", "signal"),
    ("task_struct", "stack"),
    ("task_struct", "tgid"),
    ("task_struct", "nvcsw"),
    ("cred", "user"),
    ("signal_struct", "rlim"),
    ("user_struct", "locked_vm"),
)
_IPV6_MEMBERS = (("sock", "__sk_common.skc_v6_daddr"), ("sock", "__sk_common.skc_v6_rcv_saddr"))
"""A kernel without IPv6 lacks these."""
_SIZES = ("sock_exterr_skb", "rlimit")
_UARG = ("id", "len", "zerocopy")
_UARG_STRUCTS = ("ubuf_info_msgzc", "ubuf_info")
"""The first name is valid since 6.1; before, one struct had both roles."""
_UARG_REFERENCES = (("ubuf_info_msgzc", "ubuf.refcnt"), ("ubuf_info", "refcnt"))
# since 6.8 the limit is a member of the namespace; before, it is a global variable
_OPTMEM_MAX = ("net", "core.sysctl_optmem_max")
_COUNTED_FUNCTIONS = ("msg_zerocopy_realloc", "ip_append_data", "ip_make_skb", "ip6_append_data", "ip6_make_skb")
_DROP_REASONS = (
    "QDISC_DROP",
    "QDISC_OVERLIMIT",
    "QDISC_CONGESTED",
    "CAKE_FLOOD",
    "FQ_BAND_LIMIT",
    "FQ_HORIZON_LIMIT",
    "FQ_FLOW_LIMIT",
    "TC_EGRESS",
)
"""Reasons of drops after which a datagram's sender sees NET_XMIT_DROP. Kernels with fewer reasons call them all
QDISC_DROP."""
_REGISTERS = {"x86_64": ("di", "si", "dx", "ax"), "aarch64": ("regs", "regs", "regs", "regs")}
"""Members of struct pt_regs for the first three arguments and the result; aarch64 has an array, with elements 0, 1, 2
and 0."""
_ARM_REGISTER_BYTES = (0, 8, 16, 0)


def _macro(structure: str, path: str) -> str:
    return f"OFFSET_{structure}_{path.replace('.', '_')}"


def _unknown(what: str) -> HostError:
    return HostError(
        f"this kernel has no {what}",
        "this version of zcprobe does not know this kernel's layout; use --probes none and report it",
    )


def _offset(btf: Btf, structure: str, path: str) -> int:
    offset = btf.offset(structure, path)
    if offset is None:
        raise _unknown(f"member {path} of struct {structure}")
    return offset


def _uarg_offsets(btf: Btf) -> dict[str, int]:
    structure = next((name for name in _UARG_STRUCTS if btf.offset(name, "id") is not None), _UARG_STRUCTS[0])
    offsets = {f"OFFSET_uarg_{member}": _offset(btf, structure, member) for member in _UARG}
    references = next((pair for pair in _UARG_REFERENCES if btf.offset(*pair) is not None), _UARG_REFERENCES[0])
    offsets["OFFSET_uarg_refcnt"] = _offset(btf, *references)
    return offsets


def _register_offsets(btf: Btf) -> dict[str, int]:
    """Where kprobes find arguments and results; empty on unknown machines, where kprobes are not tried."""
    machine = platform.machine()
    if machine not in _REGISTERS:
        return {}
    extra = _ARM_REGISTER_BYTES if machine == "aarch64" else (0, 0, 0, 0)
    names = ("argument_0", "argument_1", "argument_2", "result")
    return {
        f"OFFSET_{name}": _offset(btf, "pt_regs", register) + more
        for name, register, more in zip(names, _REGISTERS[machine], extra, strict=True)
    }


def type_definitions(btf: Btf, more: Iterable[tuple[str, str]] = ()) -> dict[str, int]:
    """Macro name -> value of what kernel_reads.h reads, and of the members `more` (struct and path). HostError names
    the member that this kernel lacks."""
    definitions = {_macro(*member): _offset(btf, *member) for member in (*_MEMBERS, *more)}
    if all(btf.offset(*member) is not None for member in _IPV6_MEMBERS):
        definitions |= {_macro(*member): _offset(btf, *member) for member in _IPV6_MEMBERS}
    definitions |= _uarg_offsets(btf) | _register_offsets(btf)
    per_namespace = btf.offset(*_OPTMEM_MAX)
    if per_namespace is not None:
        definitions[_macro(*_OPTMEM_MAX)] = per_namespace
    flag = btf.enum_value("sock_flags", "SOCK_ZEROCOPY")
    if flag is None:
        raise HostError("this kernel has no SO_ZEROCOPY", "use a kernel since Linux 4.14")
    definitions["SOCK_ZEROCOPY"] = flag
    for structure in _SIZES:
        definitions[f"SIZE_{structure}"] = btf.size(structure) or 0
    return definitions


def _counts(btf: Btf) -> dict[str, int]:
    """Number of arguments of functions that differ between kernels; 1 for an absent function, so that its handler
    compiles."""
    counts = {f"ARGUMENTS_{name}": btf.function_arguments(name) or 1 for name in _COUNTED_FUNCTIONS}
    counts["ARGUMENTS_kfree_skb"] = btf.tracepoint_arguments("kfree_skb") or 0
    if btf.tracepoint_arguments("cap_capable") is not None:
        counts["HAVE_CAP_CAPABLE"] = 1
    if btf.function_arguments("udpv6_sendmsg") is not None:
        counts["HAVE_UDPV6_SENDMSG"] = 1
    if btf.function_arguments(COMPLETIONS[0]) is not None:
        counts["COMPLETION_IS_FINAL"] = 1
    return counts


def _drop_reasons(btf: Btf) -> dict[str, int]:
    """DROP_REASON_0 and so on: the kernel's numbers. A reason that the kernel lacks gets a number that no drop has."""
    values = (btf.enum_value("skb_drop_reason", f"SKB_DROP_REASON_{name}") for name in _DROP_REASONS)
    return {f"DROP_REASON_{index}": 0xFFFF if value is None else value for index, value in enumerate(values)}


def _range(symbols: Symbols, names: tuple[str, ...], macro: str) -> dict[str, int]:
    for name in names:
        found = symbols.range_of(name)
        if found is not None:
            return {f"ADDRESS_{macro}": found[0], f"ADDRESS_{macro}_end": found[1]}
    raise HostError(
        f"/proc/kallsyms does not show {' or '.join(names)}",
        "use a kernel since Linux 4.14 that shows all its symbols (CONFIG_KALLSYMS_ALL=y), or use --probes none",
    )


def kernel_definitions(btf: Btf, read_symbols: Callable[[], Symbols]) -> dict[str, int]:
    """Macro name -> value, for the BPF C. HostError names the member or symbol that this kernel lacks."""
    symbols = read_symbols()
    definitions = type_definitions(btf) | _counts(btf) | _drop_reasons(btf)
    definitions |= _range(symbols, COMPLETIONS, "completion")
    definitions |= _range(symbols, ("msg_zerocopy_realloc",), "msg_zerocopy_realloc")
    definitions["ADDRESS_sock_ofree"] = _range(symbols, ("sock_ofree",), "sock_ofree")["ADDRESS_sock_ofree"]
    if _macro(*_OPTMEM_MAX) not in definitions:
        limit = _range(symbols, ("sysctl_optmem_max",), "sysctl_optmem_max")
        definitions["ADDRESS_sysctl_optmem_max"] = limit["ADDRESS_sysctl_optmem_max"]
    return definitions
