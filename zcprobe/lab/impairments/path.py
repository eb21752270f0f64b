# SPDX-License-Identifier: GPL-2.0-only
"""The path that is impaired, and the interface of every impairment."""

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
    """An impairment: a frozen struct of its parameters, with a unit in each name."""

    prefix: ClassVar[str]
    """The prefix of its parameters in the metadata of a run."""

    def put_on(self, path: ImpairedPath) -> AbstractContextManager[None]:
        """Impairs the path inside the context. HostError if the kernel lacks a requirement."""

    def read_effects(self, path: ImpairedPath) -> dict[str, int | None]:
        """Its members of `zcprobe.format.effects.Effects`, from the kernel's own counters."""


def undo_in(namespace: Namespace, undo: Callable[[], None]) -> None:
    """Does nothing if somebody has removed the namespace: its content vanishes with its last process."""
    with suppress(FileNotFoundError):
        run_in_namespace(namespace.name, undo)
