"""What must not be read from a stolen database: names as keyed digests, contents encrypted."""

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Seal:
    """A 256-bit key from which others are made by HMAC-SHA256, none of which leads back to it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_secret(cls, secret: bytes, *, purpose: str) -> Self:
        """The seal for one purpose: nothing of another one fits it."""
        return cls(hashlib.sha256(f"ai-service/{purpose}\x00".encode() + secret).digest())

    def within(self, *names: str) -> "Seal":
        """A seal of its own for what these names lead to; none of them may hold a NUL."""
        return Seal(self._derive(b"within", "\x00".join(names).encode()))

    def digest(self, value: bytes = b"") -> str:
        """64 hex digits by which the value can be known again, but not guessed."""
        return self._derive(b"digest", value).hex()

    def encrypt(self, value: bytes, *, context: str) -> bytes:
        """AES-256-GCM; the same `context` is needed to decrypt."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, value, context.encode())

    def decrypt(self, sealed: bytes, *, context: str) -> bytes:
        """The inverse. Raises `cryptography.exceptions.InvalidTag` if anything is not as it was."""
        nonce, value = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher().decrypt(nonce, value, context.encode())

    def _cipher(self) -> "AESGCM":
        # 7 MB that a service without sealed contents does without.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._derive(b"cipher", b""))

    def _derive(self, use: bytes, value: bytes) -> bytes:
        return hmac.digest(self._key, use + b"\x00" + value, "sha256")
