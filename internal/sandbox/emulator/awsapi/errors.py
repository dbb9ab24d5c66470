"""Errors in the shape that each of AWS' protocols gives them."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from awsapi.requests import Call

CODES = {
    400: "ValidationError",
    403: "AccessDenied",
    404: "NotFound",
    408: "RequestTimeout",
    409: "Conflict",
    412: "PreconditionFailed",
    429: "Throttling",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}


def body(call: Call, target: bool, status: int, code: str, message: str) -> tuple[str, bytes, dict[str, str]]:
    """Content type, body and further headers of an error answer. target says
    that the request had an X-Amz-Target."""
    code = code or CODES.get(status, "InternalError")
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>sandbox</RequestID></Response>"
    elif call.service == "s3":
        text = f"<Error>{error}<RequestId>sandbox</RequestId></Error>"
    elif target or call.method != "POST" and call.service not in ("route53", "cloudfront"):
        shown = {"__type": code, "message": message}
        return "application/x-amz-json-1.1", json.dumps(shown).encode(), {"x-amzn-ErrorType": code}
    else:
        kind = "Sender" if status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{error}</Error>"
            "<RequestId>sandbox</RequestId></ErrorResponse>"
        )
    return "text/xml", text.encode(), {}
