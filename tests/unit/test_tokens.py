# SPDX-License-Identifier: GPL-2.0-only
"""Tokens, files that contain one, and the proof that a sender sends in place of it."""

import os
from pathlib import Path

import pytest

from zcprobe.errors import UsageError
from zcprobe.tokens import check_token, make_challenge, make_token, proof_of, proves, read_token


def token_file(folder: Path, content: bytes, mode: int = 0o600) -> str:
    path = folder / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_a_token_made_is_one_that_is_taken_and_no_other_is_like_it() -> None:
    made = {check_token(make_token()) for _ in range(23)}
    assert len(made) == 23
    assert all(len(token) == 32 for token in made)


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 15, "x" * 257, "sixteen letters and spaces", "ä" * 16, "x" * 16 + "\n"]
)
def test_what_could_be_guessed_or_mistyped_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="16 to 256"):
        check_token(text)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_file_holds_a_token_in_its_only_line(end: bytes, tmp_path: Path) -> None:
    assert read_token(token_file(tmp_path, b"0123456789abcdef" + end)) == "0123456789abcdef"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"0123456789abcdef\n\n", b"\xff" * 16, b"x" * 5000, b"a" * 16 + b"\nb\n"]
)
def test_a_file_without_one_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="16 to 256"):
        read_token(token_file(tmp_path, content))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused(mode: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"its mode is {mode:04o}"):
        read_token(token_file(tmp_path, b"0123456789abcdef", mode))


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for path in (fifo, tmp_path, Path("/dev/zero")):
        with pytest.raises(UsageError, match="not a regular file"):
            read_token(str(path))
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_token(str(tmp_path / "no"))


def test_a_proof_is_for_one_token_one_challenge_and_one_plan() -> None:
    token, challenge = make_token(), make_challenge()
    proof = proof_of(token, challenge, b"{}\n")
    assert proves(proof, token, challenge, b"{}\n")
    assert not proves(proof, make_token(), challenge, b"{}\n")
    assert not proves(proof, token, make_challenge(), b"{}\n")
    assert not proves(proof, token, challenge, b'{"respond":true}\n')
    assert not proves(b"", token, challenge, b"{}\n")
    assert not proves(proof[:-1] + b"\xff", token, challenge, b"{}\n")
    assert token.encode() not in proof
