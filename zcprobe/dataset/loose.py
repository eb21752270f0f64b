"""The writer's types, loosened for a reader of folders that any version of zcprobe, or somebody else, has written."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = ["COUNT", "NUMBER", "loose_struct"]

COUNT = Annotated[int, Meta(ge=0, le=2**63 - 1)]
NUMBER = Annotated[float, Meta(ge=0, le=1e18)]
_MOST_MEMBERS = 256


def loose_struct(kind: type[msgspec.Struct], own: Mapping[str, Any], needed: tuple[str, ...] = ()) -> Any:
    """A struct with the members of `kind`, each of which may be missing or null but for those `needed`. Numbers are not
    negative and have bounds, and where the writer has a choice of words any word will do. `own` replaces the types of
    the members that it names."""
    members: list[Any] = []
    for name, of in get_type_hints(kind).items():
        loose = own[name] if name in own else _loose(of, own)
        members.append((name, loose) if name in needed else (name, Union[loose, None, UnsetType], UNSET))  # noqa: UP007
    return msgspec.defstruct(kind.__name__, members, kw_only=True)


def _loose(kind: Any, own: Mapping[str, Any]) -> Any:
    plain = {int: COUNT, float: NUMBER, NoneType: None}
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return loose_struct(kind, own)
    origin: Any = get_origin(kind)
    if origin is None or origin is Literal:
        return kind if origin is None else str
    parts = tuple(part if part is ... else _loose(part, own) for part in get_args(kind))
    if origin in (Union, UnionType):
        return Union[parts]  # noqa: UP007 - of as many as there are
    return origin[parts] if origin is tuple else Annotated[origin[parts], Meta(max_length=_MOST_MEMBERS)]
