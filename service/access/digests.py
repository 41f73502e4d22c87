"""Secrets and their digests."""

import hashlib
import hmac
import secrets

KEY_PREFIX = "sk-ais-"
_PREFIX_CHARACTERS = len(KEY_PREFIX) + 6


def new_secret() -> str:
    """A fresh API key: 256 random bits behind a prefix that secret scanners can know."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def visible_prefix(secret: str) -> str:
    """The part of a secret that may be shown, to tell keys apart by eye."""
    return secret[:_PREFIX_CHARACTERS] if secret.startswith(KEY_PREFIX) else secret[:4]


class Digester:
    """Turns secrets into the digests under which they are kept: HMAC-SHA256, in hex.

    The pepper keeps a stolen database from being searched for guessed keys.
    """

    def __init__(self, pepper: bytes) -> None:
        self._pepper = hashlib.sha256(b"ai-service/api-keys\x00" + pepper).digest()

    def digest(self, secret: str) -> str:
        """64 hex digits."""
        return hmac.digest(self._pepper, secret.encode(), "sha256").hex()
