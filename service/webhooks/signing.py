"""Secrets and signatures by the Standard Webhooks specification."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

_SECRET_BYTES = 32


def new_webhook_secret() -> str:
    """A fresh one, as `standardwebhooks.Webhook` takes it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def signed_headers(
    message_id: str, body: str, *, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """The headers that let whoever has one of the `secrets` verify the body."""
    signatures = [Webhook(secret).sign(message_id, now, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
