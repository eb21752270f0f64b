# SPDX-License-Identifier: GPL-2.0-only
"""Objects that a `with` statement closes."""

from types import TracebackType
from typing import Self

__all__ = ["Closable"]


class Closable:
    """Leaving its `with` statement calls `close`, which a subclass defines."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
