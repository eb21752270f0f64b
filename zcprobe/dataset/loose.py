# SPDX-License-Identifier: GPL-2.0-only
"""The writer's types, loosened for a reader of folders that any version of zcprobe, or somebody else, has written, and
the writer's structs filled with what such a reader has found."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = ["COUNT", "NUMBER", "fill_struct", "loose_struct", "never_null"]

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_Fill = Callable[[Any], Any]

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


def never_null(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The members of `kind` whose type has no None: every run of every version has them."""
    return tuple(name for name, of in get_type_hints(kind).items() if NoneType not in get_args(of))


def fill_struct(kind: type[_Struct], given: Mapping[str, Any]) -> _Struct:
    """A struct of `kind` with the values of `given`, JSON that `loose_struct()` has accepted.

    A member that is missing there has its default, or None where it has no default. A member that `kind` does not know
    comes from a later minor version and is kept, as a further member of the struct.
    """
    fillers = _fillers(kind)
    members: dict[str, Any] = {name: None for name in _without_default(kind) if name not in given}
    unknown = {}
    for name, value in given.items():
        if name in fillers:
            fill = fillers[name]
            members[name] = value if fill is None or value is None else fill(value)
        elif _may_be_added(kind, name):
            unknown[name] = value
    whole = _with_members(kind, tuple(unknown)) if unknown else kind
    return whole(**members, **unknown)


@cache
def _without_default(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.required)


def _may_be_added(kind: type[msgspec.Struct], name: str) -> bool:
    """Whether a name from a file is that of a plain member, and hides nothing that the struct has."""
    return bool(re.fullmatch("[a-z][a-z0-9_]{0,63}", name)) and not iskeyword(name) and not hasattr(kind, name)


@lru_cache(maxsize=64)
def _with_members(kind: type[_Struct], names: tuple[str, ...]) -> type[_Struct]:
    members = [(name, Any) for name in names]
    whole: Any = msgspec.defstruct(kind.__name__, members, bases=(kind,), frozen=True, kw_only=True)
    return whole  # type: ignore[no-any-return]


@cache
def _fillers(kind: type[msgspec.Struct]) -> dict[str, _Fill | None]:
    """Member -> what makes a value of its type of JSON; None where JSON is the value. Found once for each struct: a run
    has hundreds of members, and a folder thousands of runs."""
    return {name: _filler(of) for name, of in get_type_hints(kind).items()}


def _filler(kind: Any) -> _Fill | None:
    """Objects become structs, and arrays tuples, where the type says so; what has another type stays as it is."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return lambda value: fill_struct(kind, value) if isinstance(value, dict) else value
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        of = [part for part in parts if part is not NoneType]
        return _filler(of[0]) if len(of) == 1 else None
    if origin is tuple:
        return lambda value: tuple(value) if isinstance(value, list) else value
    inner = _filler(parts[-1]) if origin in (list, dict) else None
    if inner is None:
        return None
    if origin is list:
        return lambda value: [inner(one) for one in value] if isinstance(value, list) else value
    return lambda value: {name: inner(one) for name, one in value.items()} if isinstance(value, dict) else value
