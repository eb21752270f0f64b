# SPDX-License-Identifier: GPL-2.0-only
"""A folder held by its descriptor, so that renaming it or putting a link in its place does not redirect what is
written.

Every step is relative to the descriptor and follows no link (openat(2), O_NOFOLLOW). Files are always new (O_EXCL), and
only what was opened before is removed or given away.
"""

import ctypes
import errno
import os
import shutil
import stat
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Directory", "Identity", "file_mode", "identity_of", "open_real_folder"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RENAME_NOREPLACE = 1

Identity = tuple[int, int]
"""Device and inode: they show whether a name still means the same file later."""


def identity_of(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def file_mode(mode: int) -> int:
    """`mode` without the bits of the umask. The umask is read from /proc, because setting it would affect other
    threads."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return mode & ~int(line.split()[1], 8)
    return mode & ~0o077


class Directory:
    """An open folder. `path` is its name for people; only the descriptor `fd` is used. Its context closes it.
    OSError."""

    def __init__(self, fd: int, path: Path) -> None:
        self.fd = fd
        self.path = path

    @classmethod
    def open(cls, path: Path, flags: int = _FOLDER) -> Self:
        """The folder at a path that only root can change."""
        return cls(os.open(path, flags), path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self.fd)

    @property
    def within(self) -> Path:
        """A path of the folder for code that takes only paths, valid in this process while the folder is open."""
        return Path(f"/proc/self/fd/{self.fd}")

    @property
    def real_path(self) -> Path:
        """Where the folder is now, without links."""
        return Path(os.readlink(self.within))

    @property
    def status(self) -> os.stat_result:
        return os.fstat(self.fd)

    def status_of(self, name: str) -> os.stat_result | None:
        """The status of the file of that name, or of the link itself; None if there is nothing of that name."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open_file(self, name: str, flags: int, mode: int = 0o600) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=self.fd)

    def create(self, name: str, flags: int = os.O_WRONLY, mode: int = 0o600) -> int:
        """A new file of exactly that mode, whatever the umask. FileExistsError for an existing name, even that of a
        link."""
        fd = self.open_file(name, flags | os.O_CREAT | os.O_EXCL, mode)
        os.fchmod(fd, mode)
        return fd

    def open_unnamed(self, mode: int = 0o600) -> int:
        """A new file without a name, which vanishes unless `link` gives it one. OSError if the file system has no such
        files (O_TMPFILE)."""
        # the descriptor may have been opened with O_PATH, so the folder is opened again
        return os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode, dir_fd=self.fd)

    def link(self, fd: int, name: str) -> None:
        """Gives an open file that name. FileExistsError if the name is taken."""
        os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=self.fd, follow_symlinks=True)

    def write_at_once(self, name: str, content: bytes) -> None:
        """Writes a new file (0600) that gets its name only once it is complete. FileExistsError."""
        with os.fdopen(self.open_unnamed(), "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o600)
            self.link(file.fileno(), name)

    def open_folder(self, name: str) -> "Directory":
        return Directory(os.open(name, _FOLDER, dir_fd=self.fd), self.path / name)

    def make_folder(self, name: str, mode: int = 0o700) -> "Directory":
        """A new folder of ours. PermissionError if somebody replaced it with another one before it was open."""
        os.mkdir(name, mode, dir_fd=self.fd)
        with ExitStack() as undone:
            folder = undone.enter_context(ExitStack())
            folder.callback(self.remove_folder, name)
            made = self.open_folder(name)
            undone.callback(os.close, made.fd)
            if made.status.st_uid != os.geteuid() or os.listdir(made.fd):
                folder.pop_all()
                raise PermissionError(errno.EPERM, "somebody put another folder in the place of the one just made")
            os.fchmod(made.fd, mode)
            folder.pop_all()
            undone.pop_all()
        return made

    def rename(self, name: str, new_name: str, *, replace: bool = False) -> None:
        """FileExistsError if the new name is taken, unless `replace`."""
        if replace:
            os.rename(name, new_name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if not libc.renameat2(self.fd, os.fsencode(name), self.fd, os.fsencode(new_name), _RENAME_NOREPLACE):
            return
        code = ctypes.get_errno()
        if code != errno.EINVAL:  # EINVAL: a file system without RENAME_NOREPLACE, such as NFS and some in user space
            raise OSError(code, os.strerror(code), str(self.path / name))
        if self.status_of(new_name) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.path / new_name))
        os.rename(name, new_name, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self.fd)

    def empty(self) -> None:
        """Removes everything in the folder; links are removed, never followed."""
        with os.scandir(self.fd) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in found:
            if is_folder:
                shutil.rmtree(name, dir_fd=self.fd)
            else:
                self.unlink(name)

    def remove_folder(self, name: str) -> None:
        os.rmdir(name, dir_fd=self.fd)

    def give(self, owner: tuple[int, int] | None, umask_modes: tuple[int, int]) -> None:
        """Gives everything in the folder, then the folder itself, the modes (for folders, for files) and, unless it is
        None, the owner (uid, gid).

        A folder that no longer belongs to us was given already. It is left as it is, because its owner may have moved
        other people's files into it. A file with a second name is left alone, because that name may be somebody else's.
        """
        if self.status.st_uid != os.geteuid():
            return
        with os.scandir(self.fd) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                with self.open_folder(entry.name) as below:
                    below.give(owner, umask_modes)
            elif entry.is_file(follow_symlinks=False):
                _give_file(entry.name, self.fd, owner, umask_modes[1])
        _give(self.fd, owner, umask_modes[0])


def open_real_folder(path: Path) -> Directory:
    """The folder at an absolute path that contains no link. OSError with ELOOP or ENOTDIR if it contains one."""
    fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in path.parts[1:]:
        try:
            below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return Directory(fd, path)


def _give_file(name: str, folder: int, owner: tuple[int, int] | None, mode: int) -> None:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            _give(fd, owner, mode)
    finally:
        os.close(fd)


def _give(fd: int, owner: tuple[int, int] | None, mode: int) -> None:
    # the mode first: changing it once somebody else owns the file would take CAP_FOWNER
    os.fchmod(fd, mode)
    if owner is not None:
        os.fchown(fd, *owner)
