"""Sealing of personal values at rest: AES-256-GCM, key id in the value, keys rotate (RELIABILITY.md S9 to S11)."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.kernel.errors import AftercareError, ConfigurationError

_VERSION = 1
_NONCE_BYTES = 12
_KEY_BYTES = 32


class UnsealError(AftercareError):
    """A sealed value cannot be opened: its key is gone, it was altered, or it stands in another row than its own."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One key: ``name`` is stored with each value that it sealed."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"SealingKey({self.name})"


def parse_sealing_keys(text: str) -> tuple[SealingKey, ...]:
    """Read ``name:base64,name:base64``; the first key seals, all of them open.

    Raises:
        ConfigurationError: naming the key at fault, never its secret.
    """
    keys: list[SealingKey] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, encoded = part.partition(":")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except ValueError:
            secret = b""
        if not (name.isalnum() and len(name) <= 32 and len(secret) == _KEY_BYTES):
            raise ConfigurationError(
                f"AFTERCARE_SEALING_KEYS: entry {len(keys) + 1} is not name:base64 with 32 bytes of key"
            )
        keys.append(SealingKey(name, secret))
    if not keys:
        raise ConfigurationError("AFTERCARE_SEALING_KEYS: at least one name:base64 with 32 bytes of key is needed")
    return tuple(keys)


class Sealer:
    """Seals and opens values, and derives the keyed hashes by which sealed values are looked up."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        if not keys:
            raise ConfigurationError("AFTERCARE_SEALING_KEYS: at least one key is needed")
        self._first = keys[0].name
        self._ciphers = {key.name: AESGCM(_derive(key.secret, b"seal")) for key in keys}
        self._lookups = [_derive(key.secret, b"lookup") for key in keys]

    def seal(self, plain: str | bytes, *, place: str) -> bytes:
        """Seal a value for one place (table, column and row): it opens nowhere else."""
        nonce = os.urandom(_NONCE_BYTES)
        name = self._first.encode()
        data = plain.encode() if isinstance(plain, str) else plain
        sealed = self._ciphers[self._first].encrypt(nonce, data, _context(self._first, place))
        return bytes((_VERSION, len(name))) + name + nonce + sealed

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Return what was sealed for ``place``.

        Raises:
            UnsealError: the key is not among ours, or the value was altered or moved.
        """
        data = bytes(sealed)
        if len(data) < 2 + _NONCE_BYTES or data[0] != _VERSION:
            raise UnsealError("not a sealed value")
        end = 2 + data[1]
        name = data[2:end].decode(errors="replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise UnsealError(f"sealed with key {name!r}, which is not among AFTERCARE_SEALING_KEYS")
        nonce, body = data[end : end + _NONCE_BYTES], data[end + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, _context(name, place))
        except InvalidTag:
            raise UnsealError("altered, or moved from another row") from None

    def open_text(self, sealed: bytes | None, *, place: str) -> str | None:
        """Return a sealed text, or None where there is none."""
        return None if sealed is None else self.open(sealed, place=place).decode()

    def lookup(self, value: str) -> bytes:
        """Return the keyed hash under which a value is stored today."""
        return _lookup(self._lookups[0], value)

    def lookups(self, value: str) -> list[bytes]:
        """Return the keyed hashes under which a value may have been stored, for every live key."""
        return [_lookup(key, value) for key in self._lookups]


def sealed_with(sealed: bytes) -> str:
    """Return the name of the key that sealed a value."""
    return bytes(sealed)[2 : 2 + sealed[1]].decode(errors="replace")


def _derive(secret: bytes, use: bytes) -> bytes:
    return hmac.new(secret, b"aftercare/" + use, hashlib.sha256).digest()


def _lookup(key: bytes, value: str) -> bytes:
    return hmac.new(key, value.encode(), hashlib.sha256).digest()[:16]


def _context(name: str, place: str) -> bytes:
    return f"{name}|{place}".encode()
