"""What the probes must know of the running kernel: member offsets from BTF, addresses from its symbol table."""

from zcprobe.errors import HostError
from zcprobe.host.btf import Btf
from zcprobe.host.symbols import Symbols

__all__ = ["kernel_definitions"]

_MEMBERS = (
    ("sock", "sk_omem_alloc"),
    ("sock", "sk_error_queue"),
    ("sock", "sk_error_queue.prev"),
    ("sock", "sk_error_queue.qlen"),
    ("sock", "sk_zckey"),
    ("sock", "__sk_common.skc_net"),
    ("sock", "__sk_common.skc_cookie"),
    ("net", "ns.inum"),
    ("sk_buff", "sk"),
    ("sk_buff", "cb"),
    ("sk_buff", "destructor"),
    ("sk_buff", "truesize"),
    ("sock_exterr_skb", "ee.ee_errno"),
    ("sock_exterr_skb", "ee.ee_data"),
)
# since 6.8 the limit is a member of the namespace, before it is a global variable
_OPTMEM_MAX = ("net", "core.sysctl_optmem_max")
# the first is inlined into the second in some builds; before 6.10 the second was called msg_zerocopy_callback
_COMPLETIONS = ("__msg_zerocopy_callback", "msg_zerocopy_complete", "msg_zerocopy_callback")


def _macro(structure: str, path: str) -> str:
    return f"OFFSET_{structure}_{path.replace('.', '_')}"


def _offsets(btf: Btf) -> dict[str, int]:
    definitions = {}
    for structure, path in _MEMBERS:
        offset = btf.offset(structure, path)
        if offset is None:
            raise HostError(
                f"struct {structure} of this kernel has no member {path}",
                "this version of zcprobe does not know this kernel's layout; use --probes none and report it",
            )
        definitions[_macro(structure, path)] = offset
    per_namespace = btf.offset(*_OPTMEM_MAX)
    if per_namespace is not None:
        definitions[_macro(*_OPTMEM_MAX)] = per_namespace
    definitions["SIZE_sock_exterr_skb"] = btf.size("sock_exterr_skb") or 0
    return definitions


def _range(symbols: Symbols, names: tuple[str, ...], macro: str) -> dict[str, int]:
    for name in names:
        found = symbols.range_of(name)
        if found is not None:
            return {f"ADDRESS_{macro}": found[0], f"ADDRESS_{macro}_end": found[1]}
    raise HostError(
        f"this kernel has no symbol {' or '.join(names)}", "MSG_ZEROCOPY needs Linux 4.14 or later; use --probes none"
    )


def kernel_definitions(btf: Btf, symbols: Symbols) -> dict[str, int]:
    """Macro name -> value, for the BPF C. HostError names the member or symbol that this kernel lacks."""
    definitions = _offsets(btf)
    definitions |= _range(symbols, _COMPLETIONS, "completion")
    definitions |= _range(symbols, ("msg_zerocopy_realloc",), "msg_zerocopy_realloc")
    definitions["ADDRESS_sock_ofree"] = _range(symbols, ("sock_ofree",), "sock_ofree")["ADDRESS_sock_ofree"]
    if _macro(*_OPTMEM_MAX) not in definitions:
        limit = _range(symbols, ("sysctl_optmem_max",), "sysctl_optmem_max")
        definitions["ADDRESS_sysctl_optmem_max"] = limit["ADDRESS_sysctl_optmem_max"]
    return definitions
