# SPDX-License-Identifier: GPL-2.0-only
import errno

import pytest

from zcprobe.cli import main as main_module
from zcprobe.cli.failures import as_error
from zcprobe.errors import DefectError, HostError, OutputError, ZcprobeError


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), OutputError, "/data/x cannot be read or written"),
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "a file cannot be written"),
        (OSError(errno.EROFS, "Read-only file system", "/run/x"), HostError, "/run/x cannot be read or written"),
        (
            OSError(errno.ENOENT, "No such file", "/proc/self/fd/8/x"),
            OutputError,
            "the folder that is written to is gone",
        ),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), OutputError, "is too long a name"),
        (OSError(errno.ESTALE, "Stale file handle", "/mnt/x"), OutputError, "/mnt/x cannot be read or written"),
        (OSError(errno.ENOTCONN, "Not connected", "."), OutputError, "the current folder cannot be read or written"),
        (OSError(errno.ENOTCONN, "Not connected"), DefectError, "unexpected OSError"),
        (OSError(errno.EMFILE, "Too many open files"), HostError, "no more files can be opened"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), HostError, "not enough memory"),
        (MemoryError(), HostError, "not enough memory"),
        (RuntimeError("can't start new thread"), HostError, "not enough memory or processes"),
        (ImportError("x.so: failed to map segment"), HostError, "a module cannot be loaded: x.so"),
        (OSError(errno.EINVAL, "Invalid argument"), DefectError, "unexpected OSError"),
        (ValueError("one\ntwo"), DefectError, "unexpected ValueError: one two"),
    ],
)
def test_what_the_system_said_is_told(error: Exception, kind: type[ZcprobeError], words: str) -> None:
    told = as_error(error)
    assert type(told) is kind
    assert words in str(told)
    assert told.hint


def _fail(options: object) -> int:
    error = ValueError("of ours")
    error.add_note("the run is kept in results/x")
    raise error


def test_a_defect_ends_in_two_lines_and_has_a_traceback_with_v(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main_module, "_verb", lambda name: _fail)
    assert main_module.main(["policies"]) == 5
    what, hint = capsys.readouterr().err.splitlines()
    assert what == "zcprobe: unexpected ValueError: of ours"
    assert hint.endswith("report what it shows; the run is kept in results/x")
    assert main_module.main(["policies", "-v"]) == 5
    assert "Traceback" in capsys.readouterr().err
