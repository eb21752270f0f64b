# SPDX-License-Identifier: GPL-2.0-only
"""The secret that a sender shares with a sink. The sender proves that it has the token without sending it.

The sink greets with a challenge, new for each connection. The sender answers with the HMAC (SHA-256) of challenge and
plan, keyed with the token. A listener on the path cannot learn the token, reuse the answer, or change the plan.
"""

import os
import re
import stat

from zcprobe.errors import UsageError

__all__ = ["check_token", "make_challenge", "make_token", "prepare_proofs", "proof_of", "proves", "read_token"]

_TOKEN = re.compile(r"[!-~]{16,256}")
_LONGEST_FILE_BYTES = 4096


def make_token() -> str:
    """128 random bits as hexadecimal digits, none of which has a meaning to a shell."""
    return os.urandom(16).hex()


def make_challenge() -> str:
    """A new challenge: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def proof_of(token: str, challenge: str, plan: bytes) -> bytes:
    """The HMAC of challenge and plan under the token: 64 hexadecimal digits."""
    import hmac  # OpenSSL takes milliseconds to load, and the sink of a local run needs no token

    return hmac.digest(token.encode(), challenge.encode() + b" " + plan, "sha256").hex().encode()


def proves(proof: bytes, token: str, challenge: str, plan: bytes) -> bool:
    """Whether the proof is right, in a time that does not reveal how much of a wrong proof is right."""
    import hmac

    return hmac.compare_digest(proof, proof_of(token, challenge, plan))


def prepare_proofs() -> None:
    """Loads the code for proofs, for a process that is about to lose access to its files."""
    proof_of("", "", b"")


def check_token(text: str) -> str:
    """The token itself. UsageError for one that is too short to be safe, or has unprintable characters."""
    if not _TOKEN.fullmatch(text):
        raise UsageError(
            "a token has 16 to 256 letters, digits or punctuation marks, without spaces",
            "make one with: openssl rand -hex 16",
        )
    return text


def read_token(path: str) -> str:
    """The only line of a file that nobody else can read. UsageError for any other file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the token file {path} cannot be read: {getattr(error, 'strerror', None) or error}",
            "make one with: (umask 077; openssl rand -hex 16 >FILE)",
        ) from error
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise UsageError(f"the token file {path} is not a regular file", "write the token into a file of its own")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(
                f"others can read or write the token file {path} (its mode is {stat.S_IMODE(mode):04o})",
                f"keep it to yourself: chmod 600 {path}",
            )
        content = os.read(fd, _LONGEST_FILE_BYTES)
    finally:
        os.close(fd)
    return check_token(content.decode("ascii", "replace").removesuffix("\n"))
