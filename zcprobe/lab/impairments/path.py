"""The path that is impaired, and what every impairment can do."""

import typing
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import ClassVar

import msgspec

from zcprobe.config import Family, Protocol
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import Namespace, NamespacePair

__all__ = ["ImpairedPath", "Impairment", "undo_in"]


class ImpairedPath(msgspec.Struct, frozen=True, kw_only=True):
    """The two namespaces of a run, and the traffic that goes from one to the other."""

    pair: NamespacePair
    family: Family
    protocol: Protocol = "tcp"


class Impairment(typing.Protocol):
    """What every impairment is: a frozen struct of its parameters, each with its unit in its name."""

    prefix: ClassVar[str]
    """What the names of its parameters begin with in the metadata of a run."""

    def put_on(self, path: ImpairedPath) -> AbstractContextManager[None]:
        """Impairs the path, and undoes this on leaving. HostError when the kernel lacks a requirement."""

    def read_effects(self, path: ImpairedPath) -> dict[str, int | None]:
        """Its members of `zcprobe.format.effects.Effects`, from the kernel's own counters."""


def undo_in(namespace: Namespace, undo: Callable[[], None]) -> None:
    """Calls `undo` in the namespace. When somebody has removed it there is nothing to do, because what was in it goes
    with its last process."""
    with suppress(FileNotFoundError):
        run_in_namespace(namespace.name, undo)
