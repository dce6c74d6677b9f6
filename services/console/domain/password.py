"""Passwords of local people: scrypt, each with a salt and its own cost written beside it."""

import base64
import hashlib
import hmac
from functools import cache

SHORTEST = 12
_N, _R, _P = 2**15, 8, 1
_MEMORY = 128 * _N * _R * 2


def complaint_about(password: str) -> str | None:
    """Return what is wrong with a new password, or None."""
    if len(password) < SHORTEST:
        return f"is shorter than {SHORTEST} characters"
    if len(password) > 200:
        return "is longer than 200 characters"
    if len(set(password)) < 5:
        return "repeats itself"
    return None


def hashed(password: str, *, salt: bytes) -> str:
    """Return what is kept of a password. ``salt``: 16 random bytes."""
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_derive(password, salt, _N, _R, _P))}"


def matches(password: str, kept: str) -> bool:
    """Return whether a password is the one that was kept; takes as long either way."""
    _name, n, r, p, salt, key = kept.split("$")
    derived = _derive(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(derived, base64.b64decode(key))


@cache
def nobodys() -> str:
    """Return what a given password is compared with where there is no such person.

    So the time of an answer does not tell who exists.
    """
    return hashed("a password that nobody has", salt=bytes(16))


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
