"""One answer for one `Idempotency-Key`, however often it is asked for.

ports       what is kept of a request that came with a key, and where
usecases    who answers it, who waits, and who gets the recorded answer
responses   the same in HTTP: the two functions that endpoints answer with
"""
