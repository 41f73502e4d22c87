"""Signed requests: `X-Timestamp` and `X-Signature`, made anew for every attempt."""

import hashlib
import hmac
import time

import httpx2


def sign(request: httpx2.Request, *, api_key: str) -> None:
    """Add the headers. The microseconds tell apart equal requests: the service takes each signature once."""
    timestamp = f"{time.time():.6f}"
    request.headers["X-Timestamp"] = timestamp
    request.headers["X-Signature"] = signature(
        api_key,
        method=request.method,
        target=request.url.raw_path,
        timestamp=timestamp,
        body=request.content,
    )


def signature(api_key: str, *, method: str, target: bytes, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 under the key of `METHOD\\nPATH?QUERY\\nTIMESTAMP\\n` and the body's hex SHA-256."""
    digest = hashlib.sha256(body).hexdigest()
    signed = b"%s\n%s\n%s\n%s" % (method.encode(), target, timestamp.encode(), digest.encode())
    return hmac.new(api_key.encode(), signed, hashlib.sha256).hexdigest()
