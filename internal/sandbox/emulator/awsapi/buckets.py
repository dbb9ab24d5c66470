"""What S3's part of a call is about, for those who judge it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

import flask
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from awsapi.requests import Call
from awsapi.resources import Asked


def bucket_of(name: str) -> FakeBucket | None:
    """A bucket of whatever account."""
    partition, account = s3_backends.bucket_accounts.get(name, ("", ""))
    return s3_backends[account][partition].buckets.get(name) if account else None


def owner(name: str) -> str:
    """The account that owns a bucket, "" where there is none."""
    return str(s3_backends.bucket_accounts.get(name, ("", ""))[1])


def astray(call: Call, asked: Asked) -> tuple[int, str, str, dict[str, str]] | None:
    """What S3 answers when the bucket is another account's than the caller
    expects, or lies in another region than the request was signed for; None
    when it is as it should be. moto cares for neither."""
    bucket = bucket_of(asked.bucket)
    if bucket is None or call.action in ("CreateBucket", "GetBucketLocation"):
        return None
    expected = flask.request.headers.get("x-amz-expected-bucket-owner")
    if expected and expected != bucket.account_id:
        return 403, "AccessDenied", "Access Denied", {}
    there = {"x-amz-bucket-region": bucket.region_name}
    if bucket.region_name != asked.region:
        return (
            301,
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint.",
            there,
        )
    return None


def also_needed(asked: Asked) -> list[str]:
    """The actions that a call needs on what it names."""
    actions = [asked.action]
    if asked.action == "s3:PutObject":
        headers = flask.request.headers
        if headers.get("If-Match"):
            actions.append("s3:GetObject")
        if headers.get("x-amz-tagging"):
            actions.append("s3:PutObjectTagging")
    return actions


def source_of_a_copy(asked: Asked) -> Iterator[tuple[str, str]]:
    """Action and ARN of what is copied."""
    source = flask.request.headers.get("x-amz-copy-source")
    if asked.action == "s3:PutObject" and source:
        path, _, version = source.partition("?versionId=")
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        yield action, f"arn:{asked.partition}:s3:::{unquote(path).lstrip('/')}"


def keys_needed(asked: Asked) -> Iterator[tuple[str, str]]:
    """What S3 does with KMS for the caller: action and key."""
    bucket = bucket_of(asked.bucket)
    if bucket is None or not asked.key:
        return
    if asked.action == "s3:PutObject":
        headers = flask.request.headers
        rule = (bucket.encryption or {}).get("Rule", {}).get("ApplyServerSideEncryptionByDefault", {})
        kind = headers.get("x-amz-server-side-encryption") or rule.get("SSEAlgorithm", "")
        key = headers.get("x-amz-server-side-encryption-aws-kms-key-id") or rule.get("KMSMasterKeyID")
        if kind.startswith("aws:kms") and key:
            yield "kms:GenerateDataKey", key
    elif asked.action in ("s3:GetObject", "s3:GetObjectVersion") and flask.request.method == "GET":
        there = bucket.keys.get(asked.key)
        if isinstance(there, FakeKey) and (there.encryption or "").startswith("aws:kms") and there.kms_key_id:
            yield "kms:Decrypt", there.kms_key_id


def keys_to_delete(body: bytes) -> Iterator[tuple[str, str]]:
    """Key and version, "" for the current one, of each object of DeleteObjects."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return
    for item in root.iter():
        if item.tag.rpartition("}")[2] == "Object":
            parts = {child.tag.rpartition("}")[2]: child.text or "" for child in item}
            yield parts.get("Key", ""), parts.get("VersionId", "")
