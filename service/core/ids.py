"""Ids with a prefix that says what they name, e.g. `req_01ja…`."""

import secrets
import time


def new_id(prefix: str) -> str:
    """An id that sorts by the time it was made: 48 bits of Unix milliseconds, then 80 random bits.

    The layout is RFC 9562's UUIDv7 without its version bits, in hex, behind `prefix`.
    """
    return f"{prefix}{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
