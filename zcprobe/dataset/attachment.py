# SPDX-License-Identifier: GPL-2.0-only
"""An attachment as a Python object: a run in which nobody but the kernel counted."""

from typing import TYPE_CHECKING, Any, NoReturn

from zcprobe.dataset.html import attachment_html
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.run import Run
from zcprobe.errors import UsageError
from zcprobe.format.attachment import AttachmentKernel
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.format.metadata import AttachmentMetadata

__all__ = ["Attachment"]


class Attachment(Run):
    """A run of `zcprobe attach -o`. `kernel` has the sockets, threads, processes and findings, and `samples` a row for
    each socket and interval. What only a benchmark has (policy, scenario, options, sender) is a UsageError."""

    if TYPE_CHECKING:
        meta: AttachmentMetadata  # type: ignore[assignment]  # what a benchmark adds is not there

    @property
    def kernel(self) -> AttachmentKernel:
        return self.meta.kernel

    @property
    def findings(self) -> list[Diagnosed]:
        """The diagnosis, the most severe finding first."""
        return self.kernel.findings

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(
            f"{self.name} has no {what}: a process was only watched",
            "an attachment has its sockets, findings and samples; the figure samples draws them",
        )

    @property
    def policy(self) -> str:
        self._refuse("policy")

    @property
    def scenario(self) -> str:
        self._refuse("scenario")

    @property
    def options(self) -> dict[str, Any]:
        self._refuse("options")

    def __repr__(self) -> str:
        told = f", {DAMAGED}" if self.damage else ""
        return f"Attachment({self.name!r}, sockets={len(self.kernel.sockets)}, findings={self._finding_ids()}{told})"

    def _finding_ids(self) -> list[str]:
        return [finding.id for finding in self.findings]

    def _repr_html_(self) -> str:
        return attachment_html(self.name, self.meta)
