# SPDX-License-Identifier: GPL-2.0-only
"""Which folders root writes to for somebody: those that only root and the user behind sudo can change.

A path is walked from `/`, or from the working folder if it is relative, one name at a time, each relative to the
descriptor of the previous folder. When zcprobe runs as root, each folder on the path, and the one at its end, must

- belong to root or to the user behind sudo (SUDO_UID), and
- be writable only by its owner, or also by a group with no other member (Debian gives each user such a group). A sticky
  folder such as /tmp is exempt, because nobody can rename or remove other users' files there.

A symbolic link on the path is followed only when it belongs to root and lies in a folder that only root can write to,
as /var/run does. Every other link is refused, even one of the caller's, because it could lead to a place where only
root may write. For a relative path the folders above the working folder are not checked: the working folder is held by
its descriptor, so nobody can redirect the path.

Without root nothing is checked, because such a process cannot write anything that its user could not.
"""

import errno
import grp
import os
import pwd
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from zcprobe.caller import caller_ids, sudo_ids
from zcprobe.directory import Directory, file_mode
from zcprobe.errors import OutputError

__all__ = ["open_trusted_folder", "open_trusted_parent"]

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
"""The same as MAXSYMLINKS of the kernel."""
_ELSEWHERE = "choose another place with -o"


def _is_private_group(gid: int, uid: int) -> bool:
    """Whether the group has the user's name and no other member."""
    try:
        group, name = grp.getgrgid(gid), pwd.getpwuid(uid).pw_name
    except KeyError:
        return False
    return group.gr_name == name and set(group.gr_mem) <= {name}


def _others_can_write(fd: int, status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    # with an access list these bits are its mask, and the list may name anybody
    has_list = "system.posix_acl_access" in _attributes(fd)
    return has_list or not _is_private_group(status.st_gid, status.st_uid)


def _attributes(fd: int) -> list[str]:
    try:
        return os.listxattr(f"/proc/self/fd/{fd}")
    except OSError:
        return []


def _refused(path: Path, reason: str) -> OutputError:
    return OutputError(f"root does not write below {path}: {reason}", _ELSEWHERE)


def _require_trusted(fd: int, path: Path) -> None:
    """OutputError if third users can change the folder."""
    if os.geteuid() != 0:
        return
    status = os.fstat(fd)
    caller = sudo_ids()
    if status.st_uid not in {0, caller[0] if caller else 0}:
        raise OutputError(
            f"root does not write below {path}: it belongs to user {status.st_uid}",
            "choose another place with -o, or run with sudo from that user, who is then trusted",
        )
    if _others_can_write(fd, status) and not status.st_mode & stat.S_ISVTX:
        raise _refused(path, "other users can write there, and it is not sticky")


def _follows(link: os.stat_result, folder: int) -> bool:
    """Whether to follow the link: without root always; as root only a link of root's that nobody else can have put
    there."""
    if os.geteuid() != 0:
        return True
    status = os.fstat(folder)
    return link.st_uid == 0 and status.st_uid == 0 and not _others_can_write(folder, status)


class _Walk:
    """How far a walk along a path has come: `fd` and `path` of the folder it stands in, and the names that are left."""

    def __init__(self, path: Path) -> None:
        self._links = 0
        self._names: deque[str] = deque()
        self.path = Path()
        self.fd = -1
        self._enter(path)

    def _enter(self, path: Path) -> None:
        """Makes `path` the next part of the walk."""
        self._names.extendleft(reversed([part for part in path.parts if part != "/"]))
        if path.is_absolute():
            self._stand(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), Path("/"))
        elif self.fd < 0:
            self._stand(os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), Path())

    def _stand(self, fd: int, path: Path) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd, self.path = fd, path

    def close(self) -> None:
        os.close(self.fd)

    def steps(self) -> Iterator[str]:
        """Yields each name that is left, after checking that the folder that contains it can be trusted.
        OutputError."""
        while self._names:
            _require_trusted(self.fd, self.path)
            yield self._names.popleft()

    @property
    def at_end(self) -> bool:
        return not self._names

    def step(self, name: str) -> None:
        """Enters the folder of that name, or follows the link of that name. OSError, OutputError."""
        fd = os.open(name, _STEP, dir_fd=self.fd)
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self._stand(fd, self.path / name)
            return
        try:
            if not stat.S_ISLNK(status.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.path / name))
            self.follow(status, name, os.readlink("", dir_fd=fd))
        finally:
            os.close(fd)

    def follow(self, link: os.stat_result, name: str, target: str) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(self.path / name))
        if not _follows(link, self.fd):
            raise OutputError(
                f"root does not follow the link {self.path / name}", "name the folder or file itself with -o"
            )
        self._enter(Path(target))

    def make(self, name: str) -> None:
        """Makes a folder that belongs to the caller and that nobody else can write to, whatever the umask, and enters
        it."""
        parent = Directory(self.fd, self.path)
        with parent.make_folder(name, file_mode(0o755)) as made:
            owner = caller_ids()
            if owner is not None:
                os.fchown(made.fd, *owner)
        self.step(name)


def open_trusted_folder(path: Path, *, make: bool = False) -> Directory:
    """The folder; with `make`, every missing folder on the path is made for the caller.

    OutputError when root cannot trust the path; OSError when the folder does not exist or cannot be entered.
    """
    walk = _Walk(path)
    try:
        for name in walk.steps():
            try:
                walk.step(name)
            except FileNotFoundError:
                if not make:
                    raise
                walk.make(name)
        _require_trusted(walk.fd, walk.path)
    except BaseException:
        walk.close()
        raise
    return Directory(walk.fd, walk.path)


def open_trusted_parent(path: Path) -> tuple[Directory, str]:
    """The folder in which the file is or will be, and the file's name there, which is never the name of a link.

    OutputError and OSError as for `open_trusted_folder`; IsADirectoryError if the path is that of a folder.
    """
    walk = _Walk(path)
    try:
        for name in walk.steps():
            if walk.at_end and not _is_link_or_folder(walk.fd, name):
                return Directory(walk.fd, walk.path), name
            walk.step(name)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    except BaseException:
        walk.close()
        raise


def _is_link_or_folder(folder: int, name: str) -> bool:
    status = Directory(folder, Path()).status_of(name)
    return status is not None and (stat.S_ISLNK(status.st_mode) or stat.S_ISDIR(status.st_mode))
