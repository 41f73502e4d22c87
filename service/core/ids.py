"""Ids with a prefix that says what they name, e.g. `req_01ja…`."""

import random
import time

# Ids are told to everyone and open nothing: they need no cryptographic randomness, which is a system call.
_random = random.Random()  # noqa: S311


def new_id(prefix: str) -> str:
    """An id that sorts by the time it was made: 48 bits of Unix milliseconds, then 80 random bits.

    The layout is RFC 9562's UUIDv7 without its version bits, in hex, behind `prefix`.
    """
    return f"{prefix}{time.time_ns() // 1_000_000:012x}{_random.getrandbits(80):020x}"
