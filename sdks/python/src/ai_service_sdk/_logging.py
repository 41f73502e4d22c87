"""What is told of calls: to the logger `ai_service_sdk`, and to stderr if `AI_SERVICE_LOG` asks for it.

`info`: one line for each attempt, and one before each retry. `debug`: the headers, too. Neither the key nor
any content is ever written.
"""

import logging
import os

import httpx2

logger = logging.getLogger("ai_service_sdk")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}
_SECRET_HEADERS = frozenset(
    {"x-api-key", "authorization", "proxy-authorization", "x-signature", "cookie", "set-cookie"}
)


def set_up_logging() -> None:
    """Do what `AI_SERVICE_LOG` says. A handler that is there already is left alone."""
    level = _LEVELS.get(os.environ.get("AI_SERVICE_LOG", "").lower())
    if level is None:
        return
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)


def shown(headers: httpx2.Headers) -> dict[str, str]:
    """Headers as they may be written down."""
    return {
        name: "***" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()
    }
