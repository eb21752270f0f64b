# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a campaign: it is there before the first run, and its campaign.json is complete at any moment.

It belongs to the user from the beginning, so that a later sitting finds it as the user may have left it. So every step
is relative to its descriptor and follows no link, and files get their names by a rename.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from zcprobe.caller import caller_ids
from zcprobe.dataset.campaign import read_campaign
from zcprobe.directory import Directory, file_mode, identity_of
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign
from zcprobe.journal import journal, new_run_id, try_lock
from zcprobe.recorder.metadata import write_sealed
from zcprobe.recorder.run_directory import folder_name, open_run_directory
from zcprobe.seal import sealed
from zcprobe.trust import open_trusted_folder

__all__ = ["CampaignFolder", "make_campaign", "open_campaign"]

_PART = re.compile(r"\.campaign-[0-9a-f]{16}\.partial")


class CampaignFolder:
    """An open folder, which no other command may fill at the same time. `campaign` is what campaign.json holds once
    `write` has returned."""

    def __init__(self, directory: Directory, campaign: Campaign) -> None:
        self.directory = directory
        self.campaign = campaign

    @property
    def place(self) -> Path:
        """Its path for people."""
        return self.directory.path

    def write(self) -> None:
        """Writes campaign.json. OSError."""
        self.replace(CAMPAIGN_FILE, sealed(self.campaign))

    def replace(self, name: str, content: bytes) -> None:
        """Writes a new file and gives it that name, so that a reader always finds a whole one. OSError."""
        part = f".campaign-{secrets.token_hex(8)}.partial"
        try:
            with os.fdopen(self.directory.create(part), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                _give(file.fileno())
            self.directory.rename(part, name, replace=True)
        except OSError:
            with suppress(OSError):
                self.directory.unlink(part)
            raise

    def names(self) -> list[str]:
        return sorted(os.listdir(self.directory.fd))

    def remove_parts(self) -> None:
        """Removes what a command that was killed while it wrote a file left of it."""
        for name in filter(_PART.fullmatch, self.names()):
            self.directory.unlink(name)


def _give(fd: int) -> None:
    os.fchmod(fd, file_mode(0o644))
    owner = caller_ids()
    if owner is not None:
        os.fchown(fd, *owner)


def make_campaign(parent: Path, campaign: Campaign) -> Path:
    """A new folder below `parent` with its campaign.json, which appears only when it is whole. OutputError."""
    run_id = new_run_id()
    with journal(run_id) as entry:
        name = folder_name(campaign.name, "campaign", run_id)
        with open_run_directory(parent, name, entry) as made:
            write_sealed(made.path / CAMPAIGN_FILE, campaign)
            made.keep()
    return made.place


@contextmanager
def open_campaign(path: Path) -> Iterator[CampaignFolder]:
    """The folder of a campaign that goes on. UsageError if another command has it open, OutputError if it is not one,
    or if other users could change it (`zcprobe.trust`)."""
    with ExitStack() as stack:
        try:
            trusted = stack.enter_context(open_trusted_folder(path))
            # that descriptor is only a place (O_PATH), which can neither be listed nor locked
            fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=trusted.fd)
        except OSError as error:
            raise OutputError(f"{path} cannot be opened: {error.strerror}", "name the folder of a campaign") from error
        directory = stack.enter_context(Directory(fd, path))
        assert identity_of(directory.status) == identity_of(trusted.status)
        if not try_lock(directory.fd):
            raise UsageError(f"another zcprobe campaign is at work in {path}", "wait until it has ended")
        yield CampaignFolder(directory, read_campaign(directory.within, path))
