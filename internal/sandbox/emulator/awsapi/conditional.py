"""Conditional writes of S3."""

from __future__ import annotations

import secrets
from typing import Any

from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response

from awsapi.patching import Emulator, around


def writes_are_conditional(_: Emulator) -> None:
    """Only PutObject knows both conditions. CopyObject knows none, the end of
    a multipart upload no If-Match, DeleteObject no If-Match: *; a condition
    that S3 does not have is no error. A delete of a version is judged by the
    current object. The lock of server.py makes test and write one step."""

    @around(S3Response, "put_object")
    def put(original: Any, self: Any) -> Any:
        _judge(self)
        return original(self)

    @around(S3Response, "copy_object")
    def copy(original: Any, self: Any) -> Any:
        _judge(self)
        return original(self)

    @around(S3Response, "_key_response_post")
    def complete(
        original: Any, self: Any, request: Any, body: bytes, bucket: str, query: Any, key: str
    ) -> Any:
        if query.get("uploadId"):
            _judge(self)
        return original(self, request, body, bucket, query, key)

    @around(S3Response, "delete_object")
    def delete(original: Any, self: Any) -> Any:
        wanted = self.headers.get("If-Match")
        if wanted:
            _match(wanted, _current(self, self._get_param("versionId")))
        return original(self) if wanted != "*" else _without_condition(original, self)


def _without_condition(original: Any, response: Any) -> Any:
    """moto would compare * as an ETag."""
    headers = response.headers
    response.headers = {k: v for k, v in headers.items() if k.lower() != "if-match"}
    try:
        return original(response)
    finally:
        response.headers = headers


def _current(response: Any, version: str | None = None) -> FakeKey | None:
    """The object that the request names; None where the newest version is a
    mark of deletion, as S3 has it."""
    found: FakeKey | None = response.backend.get_object(
        response.bucket_name, response.parse_key_name(), version_id=version
    )
    return found


def _judge(response: Any) -> None:
    """Raises what S3 answers when a condition of a write does not hold: 412,
    404 for If-Match of nothing, 501 for what it does not know."""
    match, none_match = response.headers.get("If-Match"), response.headers.get("If-None-Match")
    if not match and not none_match:
        return
    if match and none_match or none_match and none_match != "*":
        raise NotImplementedError("S3 knows no If-None-Match of a write but *, and not both conditions")
    there = _current(response)
    if none_match and there is not None:
        raise PreconditionFailed("If-None-Match")
    if match:
        _match(match, there)


def _match(wanted: str, there: FakeKey | None) -> None:
    if there is None:
        raise MissingKey
    # S3 takes an ETag with and without its quotes.
    if wanted != "*" and wanted.strip('"') != there.etag.strip('"'):
        raise PreconditionFailed("If-Match")


def etags_of_encrypted_objects_are_unique(_: Emulator) -> None:
    """The ETag of an object that KMS encrypts is the MD5 of its text, so that
    two writes of one text have one ETag. In AWS each write has its own: only
    there a condition on it tells a write from an older one."""

    @around(S3Backend, "put_object")
    def put(original: Any, self: Any, *args: Any, **kwargs: Any) -> FakeKey:
        key: FakeKey = original(self, *args, **kwargs)
        if (key.encryption or "").startswith("aws:kms"):
            parts = (key._etag or "").partition("-")[2]
            key._etag = secrets.token_hex(16) + (f"-{parts}" if parts else "")
        return key
