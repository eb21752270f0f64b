"""Which folders root writes to for somebody: those that only root and the user behind sudo can change.

The way to a folder is walked from `/`, or from the working folder for a relative path, a name at a time, each relative
to the descriptor of the one before. As root each folder on the way, and the one it leads to, must

- belong to root or to the user behind sudo (SUDO_UID), and
- be writable by its owner alone, or also by a group that is nobody but its owner, as Debian gives each user one; unless
  it is sticky, as /tmp is: there nobody can rename or remove what is another's.

A symbolic link on the way is followed only when it belongs to root and stands in a folder that root alone can write to,
as /var/run does. Every other link is refused, the caller's own as well: it could lead to where only root may write.
Above the working folder nothing is asked of a relative path: its descriptor is held, so nobody can move it.

Without root nothing is asked: such a process can write nothing that its user could not.
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
"""As the kernel's own MAXSYMLINKS."""
_ELSEWHERE = "choose another place with -o"


def _is_private_group(gid: int, uid: int) -> bool:
    """A group of one: it has the user's name and no other member."""
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
    # with an access list these are the bits of its mask, and it names whom it likes
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
    """OutputError for a folder that third users can change."""
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
    """Without root as every program; root only links of its own, where nobody else can have put them."""
    if os.geteuid() != 0:
        return True
    status = os.fstat(folder)
    return link.st_uid == 0 and status.st_uid == 0 and not _others_can_write(folder, status)


class _Walk:
    """Where a walk has come to. `missing`, once it is set, is a name that is not there."""

    def __init__(self, path: Path) -> None:
        self._links = 0
        self._names: deque[str] = deque()
        self.path = Path()
        self.fd = -1
        self._enter(path)

    def _enter(self, path: Path) -> None:
        """The rest of the way begins with `path`."""
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
        """Each name that is left, once the folder that it stands in may be trusted."""
        while self._names:
            _require_trusted(self.fd, self.path)
            yield self._names.popleft()

    @property
    def at_end(self) -> bool:
        return not self._names

    def step(self, name: str) -> None:
        """Into the folder of that name, or to where the link of that name leads. OSError, OutputError."""
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
        """A folder of the caller's. Nobody else can write to it, whatever the umask."""
        parent = Directory(self.fd, self.path)
        with parent.make_folder(name, file_mode(0o755)) as made:
            owner = caller_ids()
            if owner is not None:
                os.fchown(made.fd, *owner)
        self.step(name)


def open_trusted_folder(path: Path, *, make: bool = False) -> Directory:
    """The folder, with every missing one on the way made for the caller if `make`.

    OutputError when root cannot trust the way to it; OSError when there is none, or it cannot be entered.
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
    """The folder in which the file is or will be, and the file's name there, which is no link's.

    OutputError and OSError as of `open_trusted_folder`; IsADirectoryError for a folder.
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
