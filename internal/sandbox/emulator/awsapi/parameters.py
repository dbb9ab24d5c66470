"""The parameters of the request that is being served, whatever its protocol."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import flask

from awsapi.requests import Call
from awsapi.resources import Asked


def asked_of(call: Call, account: str, action: str) -> Asked:
    """The request as policies see it."""
    bucket, key = bucket_and_key(call) if call.service == "s3" else ("", "")
    return Asked(action, account, signed_region(), _parameters(), call.path, bucket, key)


def signed_region() -> str:
    """The region that the request was signed for."""
    scope = flask.request.headers.get("Authorization", "").partition("Credential=")[2].split("/")
    return scope[2] if len(scope) > 3 else "us-east-1"


def bucket_and_key(call: Call) -> tuple[str, str]:
    """The bucket and the key that the address names, "" for none."""
    path = unquote(call.path).lstrip("/")
    host = call.host.split(":")[0]
    if ".s3." in host or ".s3-" in host:
        return host.split(".s3")[0], path
    bucket, _, key = path.partition("/")
    return bucket, key


def _parameters() -> dict[str, Any]:
    request = flask.request
    parameters: dict[str, Any] = dict(request.args.items())
    kind = request.content_type or ""
    if kind.startswith("application/x-www-form-urlencoded"):
        parameters.update(request.form.items())
    elif "json" in kind:
        try:
            body = json.loads(request.get_data(cache=True) or b"{}")
        except ValueError:
            body = {}
        if isinstance(body, dict):
            parameters.update(body)
    return parameters
