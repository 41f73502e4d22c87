"""Webhooks as providers sign them."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
Headers = dict[str, str]


def encoded(event: Any) -> bytes:
    """An event as the bytes of a body."""
    return json.dumps(event).encode()


def plain(body: bytes, secret: str = SECRET) -> Headers:
    """The guide's form."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Webhook-Signature": digest}


def standard(
    body: bytes, id_: str = "wh_1", *, age_seconds: float = 0, secret: str = SECRET
) -> Headers:
    """Standard Webhooks' form."""
    sent_at = datetime.fromtimestamp(int(time.time() - age_seconds), UTC)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, sent_at, body.decode()),
    }
