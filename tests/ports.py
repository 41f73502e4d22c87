"""Ports for servers that tests start."""

import random
import socket


def free_port() -> int:
    """A port that nobody has: below those that the kernel gives to outgoing connections, one of which might
    take it, or connect to itself on it, while the server is stopped."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as candidate:
            if candidate.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")
