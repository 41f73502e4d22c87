"""The HTTP parser's own refusals in the envelope that every error has."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.core.errors import InvalidRequest
from service.core.ids import new_id
from service.web.errors import error_response
from service.web.security_headers import security_headers


class EnvelopeProtocol(HttpToolsProtocol):
    """uvicorn's, but for what it answers to bytes that are no HTTP request: there is no scope yet, so no
    middleware sees them."""

    def send_400_response(self, msg: str) -> None:
        request_id = new_id("")
        answer = error_response(InvalidRequest("This is not a valid HTTP request"), request_id)
        headers = [
            *answer.raw_headers,
            (b"x-request-id", request_id.encode()),
            *security_headers("", answer.raw_headers),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[400] + lines + b"\r\n" + bytes(answer.body))
        self.transport.close()
