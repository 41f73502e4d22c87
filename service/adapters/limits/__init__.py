"""Counters behind the `RateLimiter` port: in this process or in Redis.

memory      pyrate-limiter's GCRA over the state of all quotas at once
redis       the same arithmetic in a script; while Redis is away, memory
"""
