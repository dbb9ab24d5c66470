"""EBS snapshots: what a volume held at one moment."""

from __future__ import annotations

import threading
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_block_store import Snapshot

from awsapi.patching import Emulator, around

PENDING, COMPLETED = "pending", "completed"


def snapshots_take_their_time(emulator: Emulator) -> None:
    """15. Snapshots are complete at once and nothing keeps the bytes. Here the
    moment of a snapshot has passed when CreateSnapshot answers, and it is
    pending until its bytes are stored."""

    @around(Snapshot, "__init__")
    def create(original: Any, self: Snapshot, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.sandbox_source, self.sandbox_percent = "", 100
        self.sandbox_taken = threading.Event()
        self.completion_time = self.full_snapshot_size_in_bytes = None
        if not emulator.settings.hosts or self.from_ami:
            self.sandbox_taken.set()
            self.completion_time = self.start_time
            return
        self.status, self.sandbox_percent = PENDING, 0
        emulator.await_later(self.sandbox_taken)

    @around(EC2Backend, "copy_snapshot")
    def copy(original: Any, self: EC2Backend, source_snapshot_id: str, *args: Any, **kwargs: Any) -> Any:
        result = original(self, source_snapshot_id, *args, **kwargs)
        result.sandbox_source = source_snapshot_id
        return result

    def progressed(self: Snapshot, percent: int, stored: int) -> None:
        """The bytes are kept, and so much of them is stored."""
        self.sandbox_taken.set()
        self.sandbox_percent = percent
        self.full_snapshot_size_in_bytes = stored
        if percent >= 100 and self.status == PENDING:
            self.status, self.completion_time = COMPLETED, utcnow()

    Snapshot.sandbox_progressed = progressed
    Snapshot.progress = property(lambda self: f"{self.sandbox_percent}%")


def only_complete_snapshots_are_used(_: Emulator) -> None:
    """15. A pending snapshot can be made a volume of, or be copied."""

    @around(EC2Backend, "create_volume")
    def create(original: Any, self: EC2Backend, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("snapshot_id"):
            _complete(self, kwargs["snapshot_id"])
        return original(self, *args, **kwargs)

    @around(EC2Backend, "copy_snapshot")
    def copy(original: Any, self: EC2Backend, source_snapshot_id: str, source_region: str, *args: Any, **kwargs: Any) -> Any:
        _complete(ec2_backends[self.account_id][source_region], source_snapshot_id)
        return original(self, source_snapshot_id, source_region, *args, **kwargs)


def _complete(backend: EC2Backend, snapshot_id: str) -> None:
    found = backend.get_snapshot(snapshot_id)
    if found.status != COMPLETED:
        raise EC2ClientError("IncorrectState", f"Snapshot {snapshot_id} is {found.status}, not {COMPLETED}.")
