"""The loss of a region: everything in it is gone, in all accounts, and what
belongs to no region (IAM, Route 53, copies in other regions) stays."""

from __future__ import annotations

from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends


def lose(name: str) -> None:
    """Forget all of a region, its buckets too: moto keeps those by partition."""
    for service in BackendDict._instances:
        for of_account in service.values():
            if name in of_account.keys():
                of_account[name].reset()
    for of_account in list(s3_backends.values()):
        for partition in list(of_account.values()):
            for bucket in [b for b in partition.buckets.values() if b.region_name == name]:
                del partition.buckets[bucket.name]
                s3_backends.bucket_accounts.pop(bucket.name, None)
