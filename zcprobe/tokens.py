"""The secret that a sender shares with a sink. The sender shows that it has it, and never sends it.

The sink greets with a challenge, new for each connection. The sender answers with the HMAC (SHA-256) of challenge and
plan under the token: who listens on the way learns no token, cannot use the answer again, and cannot change the plan.
"""

import os
import re
import stat

from zcprobe.errors import UsageError

__all__ = ["check_token", "make_challenge", "make_token", "prepare_proofs", "proof_of", "proves", "read_token"]

_TOKEN = re.compile(r"[!-~]{16,256}")
_LONGEST_FILE_BYTES = 4096


def make_token() -> str:
    """128 random bits, as hexadecimal digits: no shell takes one of them for its own."""
    return os.urandom(16).hex()


def make_challenge() -> str:
    """32 hexadecimal digits."""
    return os.urandom(16).hex()


def proof_of(token: str, challenge: str, plan: bytes) -> bytes:
    """64 hexadecimal digits."""
    import hmac  # OpenSSL takes milliseconds to load, and a run's own sink asks for no token

    return hmac.digest(token.encode(), challenge.encode() + b" " + plan, "sha256").hex().encode()


def proves(proof: bytes, token: str, challenge: str, plan: bytes) -> bool:
    """In a time that does not tell how much of a wrong proof is right."""
    import hmac

    return hmac.compare_digest(proof, proof_of(token, challenge, plan))


def prepare_proofs() -> None:
    """Loads what a proof takes: for a process that is about to give up that it can read the files for it."""
    proof_of("", "", b"")


def check_token(text: str) -> str:
    """The token itself. UsageError for one that could be guessed, or that no terminal shows."""
    if not _TOKEN.fullmatch(text):
        raise UsageError(
            "a token has 16 to 256 letters, digits or signs, without spaces",
            "make one with: openssl rand -hex 16",
        )
    return text


def read_token(path: str) -> str:
    """The only line of a file that nobody else can read. UsageError."""
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
