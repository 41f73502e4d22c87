"""Messages that are vouched for by their sender's signature instead of by a key. One secret, two forms:

    X-Webhook-Signature: hex HMAC-SHA256(the secret's text, body)
    webhook-id, webhook-timestamp, webhook-signature: https://www.standardwebhooks.com, whose key is what
        the secret says in base64

The first form has no time: what it signs can be sent again at any time, and has to be known again.
"""

import hashlib
import hmac

from msgspec import Struct
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.datastructures import Headers

from service.core.errors import NotAuthenticated

SIGNATURE = "x-webhook-signature"
STANDARD_SIGNATURE = "webhook-signature"
STANDARD_ID = "webhook-id"
STANDARD_TIMESTAMP = "webhook-timestamp"


class SignedMessage(Struct, frozen=True, kw_only=True):
    """A body as it was signed. `id` was signed with it: None where the form has none."""

    body: bytes
    id: str | None


class SenderSignatures:
    """Checks what came from outside. `secret` is `whsec_` and base64, as the settings have it.

    Every method raises `NotAuthenticated`, with one message for whatever is wrong.
    """

    def __init__(self, secret: str) -> None:
        self._text = secret.encode()
        self._standard = Webhook(secret)

    def require_one(self, headers: Headers) -> None:
        """Refuse what is not signed at all. Needs no body."""
        if SIGNATURE not in headers and STANDARD_SIGNATURE not in headers:
            raise _refusal()

    def check(self, headers: Headers, body: bytes) -> SignedMessage:
        """The message, if its sender has the secret; one good signature is enough."""
        if SIGNATURE in headers and self._is_ours(headers[SIGNATURE], body):
            return SignedMessage(body=body, id=None)
        if STANDARD_SIGNATURE in headers and self._is_standard(headers, body):
            return SignedMessage(body=body, id=headers[STANDARD_ID])
        raise _refusal()

    def _is_ours(self, signature: str, body: bytes) -> bool:
        expected = hmac.new(self._text, body, hashlib.sha256).hexdigest()
        # As bytes: `compare_digest` refuses texts beyond ASCII.
        return hmac.compare_digest(expected.encode(), signature.strip().lower().encode())

    def _is_standard(self, headers: Headers, body: bytes) -> bool:
        try:
            self._standard.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: the header is malformed
            return False
        return True


def _refusal() -> NotAuthenticated:
    return NotAuthenticated("Invalid or missing webhook signature")
