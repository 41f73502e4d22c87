"""When a call is tried again, and after how long."""

import random

from ai_service_sdk.errors import (
    AIServiceError,
    APIConnectionError,
    APIError,
    RateLimitError,
    ServiceUnavailableError,
)

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 8.0
LONGEST_RETRY_AFTER_SECONDS = 60.0


def seconds_before_retry(
    failure: AIServiceError, *, retries_made: int, max_retries: int, may_be_repeated: bool
) -> float | None:
    """How long to wait before the next attempt; None if there is none.

    The service's own `retry_after` is kept to; one that is longer than a minute is left to the caller. Else
    the delay doubles, with up to a quarter taken off at random, so that callers who failed together do not
    come back together. What must not be done twice is only tried again if it was surely not done.
    """
    if retries_made >= max_retries:
        return None
    if not (_is_transient(failure) if may_be_repeated else _was_not_done(failure)):
        return None
    asked = failure.retry_after if isinstance(failure, APIError) else None
    if asked is not None:
        return asked if asked <= LONGEST_RETRY_AFTER_SECONDS else None
    longest = min(FIRST_DELAY_SECONDS * 2.0**retries_made, LONGEST_DELAY_SECONDS)
    return longest * random.uniform(0.75, 1)


def _is_transient(failure: AIServiceError) -> bool:
    if isinstance(failure, APIError):
        return failure.status in _TRANSIENT
    return isinstance(failure, APIConnectionError)


def _was_not_done(failure: AIServiceError) -> bool:
    # A refused connection never carried the request; with 429 and 503 the service says that it refused it.
    if isinstance(failure, APIConnectionError):
        return not failure.may_have_arrived
    return isinstance(failure, RateLimitError | ServiceUnavailableError)
