"""What a request asks for, told from the outside: service, action, caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

READING = (
    "Describe", "Get", "List", "Head", "Lookup", "Search", "Select", "BatchGet", "Scan", "Query",
    "Validate", "Simulate", "Check", "Test", "Preview", "Estimate", "Filter", "Decode",
    "Decrypt", "Encrypt", "ReEncrypt", "GenerateDataKey", "GenerateRandom", "Verify", "Sign",
    "AssumeRole",
)  # fmt: skip

# Calls to these services never change what the snapshot shows.
OUTSIDE = frozenset(
    ("s3", "sts", "kms", "logs", "monitoring", "sqs", "sns", "secretsmanager", "ssm", "dynamodb",
     "cloudtrail", "events", "backup", "tagging")
)  # fmt: skip

# (method, has a key, subresource) -> action; "" stands for none of those listed.
S3_SUBRESOURCES = {
    "acl": "Acl", "policy": "Policy", "versioning": "Versioning", "lifecycle": "LifecycleConfiguration",
    "encryption": "Encryption", "tagging": "Tagging", "logging": "Logging", "cors": "Cors",
    "website": "Website", "publicAccessBlock": "PublicAccessBlock", "notification": "NotificationConfiguration",
    "ownershipControls": "OwnershipControls", "object-lock": "ObjectLockConfiguration",
    "replication": "Replication", "location": "Location", "accelerate": "AccelerateConfiguration",
    "requestPayment": "RequestPayment", "policyStatus": "PolicyStatus", "inventory": "InventoryConfiguration",
    "analytics": "AnalyticsConfiguration", "metrics": "MetricsConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration", "retention": "Retention", "legal-hold": "LegalHold",
}  # fmt: skip
S3_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}


@dataclass(frozen=True)
class Call:
    """One call of the AWS API. service is the name it is signed for ("" when
    unsigned and unknown); mutating is False when it cannot change anything."""

    method: str
    host: str
    path: str
    service: str
    action: str
    access_key: str
    mutating: bool

    @property
    def changes_snapshot(self) -> bool:
        return self.mutating and self.service not in OUTSIDE


def access_key_of(authorization: str, query: Mapping[str, Any]) -> str:
    """The access key that signed the request, "" for none."""
    match = re.search(r"Credential=([^/,\s]+)/", authorization)
    if match:
        return match.group(1)
    credential = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or ""
    if isinstance(credential, list):
        credential = credential[0]
    return credential.split("/")[0]


def read_call(environ: Mapping[str, Any], body: bytes) -> Call:
    """Tells the call from a WSGI environment and the request's body."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    host = environ.get("HTTP_HOST", "")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    scope = authorization.partition("Credential=")[2].split(",")[0].split("/")
    if len(scope) < 5:
        scope = (query.get("X-Amz-Credential") or [""])[0].split("/")
    service = scope[3].lower() if len(scope) >= 5 else _service_of_host(host)
    action = _action(environ, method, path, service, query, body)
    if not service:
        service = "sts" if action.startswith("AssumeRole") else "s3"
        action = action or _s3_action(method, path, host, query)
    mutating = not action.startswith(READING) if action else method not in ("GET", "HEAD", "OPTIONS")
    key = access_key_of(authorization, query)
    return Call(method, host, path, service, action, key, mutating)


def _service_of_host(host: str) -> str:
    match = re.match(r"(?:[^.]+\.)?(s3|sts|ec2|iam|kms|ssm)\..*amazonaws\.com", host)
    return match.group(1) if match else ""


def _action(
    environ: Mapping[str, Any], method: str, path: str, service: str, query: Mapping[str, list[str]], body: bytes
) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rsplit(".", 1)[-1]
    if "Action" in query:
        return query["Action"][0]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        match = re.search(rb"(?:^|&)Action=([A-Za-z0-9]+)", body)
        if match:
            return match.group(1).decode()
    match = re.fullmatch(r"/service/[^/]+/operation/([^/]+)", path)
    if match:
        return match.group(1)
    if service == "s3":
        return _s3_action(method, path, environ.get("HTTP_HOST", ""), query)
    return _rest_action(service, method, path) if service else ""


def _s3_action(method: str, path: str, host: str, query: Mapping[str, list[str]]) -> str:
    virtual = re.match(r"[^.]+\.s3[.-]", host) is not None
    parts = [part for part in path.split("/", 2 if not virtual else 1) if part]
    bucket = virtual or bool(parts)
    key = len(parts) > (0 if virtual else 1)
    if not bucket:
        return "ListBuckets"
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload",
                "GET": "ListParts"}.get(method, method)  # fmt: skip
    if "delete" in query:
        return "DeleteObjects"
    if "versions" in query:
        return "ListObjectVersions"
    for name, subject in S3_SUBRESOURCES.items():
        if name in query:
            return f"{S3_VERBS.get(method, method)}{'Object' if key else 'Bucket'}{subject}"
    if key:
        return f"{S3_VERBS.get(method, method)}Object"
    return {"GET": "ListObjectsV2" if "list-type" in query else "ListObjects", "PUT": "CreateBucket",
            "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, method)  # fmt: skip


def _rest_action(service: str, method: str, path: str) -> str:
    """The action of a REST service by its model, "" when it is not found."""
    from botocore.exceptions import UnknownServiceError
    from moto.core.responses import _get_method_urls

    try:
        patterns = _get_method_urls(service, "us-east-1").get(method, {})
    except UnknownServiceError:
        return ""
    for pattern in sorted(patterns, key=len, reverse=True):
        if re.match(pattern.replace("?$", "$").replace("(?P<Id>", "(?P<_Id>"), path):
            return patterns[pattern]
    return ""
