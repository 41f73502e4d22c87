"""Ids with a prefix that says what they name, e.g. `req_01ja…`."""

import random
import time

# Ids are told to everyone and open nothing: they need no cryptographic randomness, which is a system call.
_random = random.Random()  # noqa: S311
_last = 0


def new_id(prefix: str) -> str:
    """An id that sorts after all that this process made before, so that lists are in order of creation.

    The layout is RFC 9562's UUIDv7 without its version bits, in hex, behind `prefix`: 48 bits of Unix
    milliseconds, then a random number. Ids of one millisecond raise the one before by a random amount
    (section 6.2, method 2), for which the number's first bit leaves room.
    """
    global _last
    milliseconds = time.time_ns() // 1_000_000
    if milliseconds > _last >> 80:
        _last = milliseconds << 80 | _random.getrandbits(79)
    else:
        _last += 1 + _random.getrandbits(64)
    return f"{prefix}{_last:032x}"
