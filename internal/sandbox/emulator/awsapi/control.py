"""The endpoints under /_sandbox/, which are not part of AWS."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any
from urllib.parse import parse_qs

from moto.core.base_backend import BackendDict
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from awsapi import region, snapshot
from awsapi.faults import Faults
from awsapi.journal import Journal
from awsapi.metadata import put_console
from awsapi.patching import Emulator
from awsapi.states import Superseded

PREFIX = "/_sandbox/"
CONFIRMABLE = ("running", "stopped", "terminated")
CREDENTIALS_SECONDS = 6 * 3600


class Refused(Exception):
    """A request that cannot be answered, with its HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass
class Control:
    """Answers the control endpoints."""

    emulator: Emulator
    faults: Faults
    journal: Journal

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        """Status and JSON of the answer."""
        try:
            handler, arguments = self._handler(method, path.removeprefix(PREFIX))
            result = handler(*arguments, query=parse_qs(query), body=body)
            return 200, json.dumps(result, separators=(",", ":")).encode()
        except Refused as refused:
            return refused.status, json.dumps({"error": str(refused)}).encode()
        except ValueError as invalid:
            return 400, json.dumps({"error": str(invalid)}).encode()

    def _handler(self, method: str, path: str) -> tuple[Callable[..., Any], tuple[str, ...]]:
        for verb, pattern, handler in (
            ("GET", r"health", self._health),
            ("GET", r"snapshot", self._snapshot),
            ("POST", r"instances/(i-[0-9a-f]+)/state", self._confirm),
            ("PUT", r"instances/(i-[0-9a-f]+)/console", self._console),
            ("POST", r"instances/(i-[0-9a-f]+)/credentials", self._credentials),
            ("POST", r"snapshots/(snap-[0-9a-f]+)/progress", self._snapshot_progress),
            ("POST", r"images/(ami-[0-9a-f]+)/stored", self._image_stored),
            ("GET", r"requests", self._requests),
            ("GET", r"faults", self._list_faults),
            ("POST", r"faults", self._add_faults),
            ("DELETE", r"faults", self._clear_faults),
            ("POST", r"regions/([a-z0-9-]+)/lost", self._lost),
            ("POST", r"reset", self._reset),
        ):
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handler, match.groups()
        raise Refused(404, f"there is no {method} {PREFIX}{path}")

    def _health(self, query: Any, body: bytes) -> dict[str, Any]:
        return {
            "status": "ok",
            "pid": os.getpid(),
            "account": self.emulator.settings.account,
            "hosts": self.emulator.settings.hosts,
            "moto": installed("moto"),
            "version": self.emulator.version.value,
        }

    def _snapshot(self, query: dict[str, list[str]], body: bytes) -> dict[str, Any]:
        version = self.emulator.version.value
        if int(query.get("since", ["0"])[0]) == version:
            return {"version": version, "unchanged": True}
        with self.emulator.lock:
            return snapshot.build(self.emulator.version.value)

    def _instance(self, instance_id: str) -> Any:
        found = snapshot.find_instance(instance_id)
        if found is None:
            raise Refused(404, f"there is no instance {instance_id}")
        return found

    def _confirm(self, instance_id: str, query: Any, body: bytes) -> dict[str, Any]:
        asked = json.loads(body)
        state, boot = asked.get("state"), asked.get("boot")
        if state not in CONFIRMABLE:
            raise Refused(400, f"a host cannot report {state!r}, only {', '.join(CONFIRMABLE)}")
        try:
            with self.emulator.lock:
                if self._instance(instance_id).sandbox_confirm(state, boot or None):
                    self.emulator.version.bump()
        except Superseded as superseded:
            raise Refused(409, str(superseded)) from superseded
        return {"version": self.emulator.version.value}

    def _snapshot_progress(self, snapshot_id: str, query: Any, body: bytes) -> dict[str, Any]:
        seen = json.loads(body)
        with self.emulator.lock:
            found = snapshot.find_volume_snapshot(snapshot_id)
            if found is None:
                raise Refused(404, f"there is no snapshot {snapshot_id}")
            found.sandbox_progressed(int(seen["percent"]), int(seen["bytes"]))
            self.emulator.version.bump()
        return {}

    def _image_stored(self, image_id: str, query: Any, body: bytes) -> dict[str, Any]:
        with self.emulator.lock:
            found = snapshot.find_image(image_id)
            if found is None:
                raise Refused(404, f"there is no image {image_id}")
            found.sandbox_stored()
            self.emulator.version.bump()
        return {}

    def _console(self, instance_id: str, query: Any, body: bytes) -> dict[str, Any]:
        with self.emulator.lock:
            put_console(self._instance(instance_id), body)
        return {}

    def _credentials(self, instance_id: str, query: Any, body: bytes) -> dict[str, Any]:
        with self.emulator.lock:
            account, region, role = snapshot.credentials_role(self._instance(instance_id))
            if role is None:
                raise Refused(404, f"instance {instance_id} has no role")
            session = sts_backends[account][get_partition(region)].assume_role(
                region_name=region,
                role_session_name=instance_id,
                role_arn=role.arn,
                policy="",
                duration=CREDENTIALS_SECONDS,
                external_id="",
            )
        self.emulator.host_keys.add(session.access_key_id)
        return {
            "access_key_id": session.access_key_id,
            "secret_access_key": session.secret_access_key,
            "token": session.session_token,
            "expiration": session.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _requests(self, query: dict[str, list[str]], body: bytes) -> dict[str, Any]:
        return self.journal.since(int(query.get("since", ["0"])[0]))

    def _list_faults(self, query: Any, body: bytes) -> list[dict[str, Any]]:
        return self.faults.left()

    def _add_faults(self, query: Any, body: bytes) -> dict[str, Any]:
        self.faults.add(json.loads(body))
        return {}

    def _clear_faults(self, query: Any, body: bytes) -> dict[str, Any]:
        self.faults.clear()
        return {}

    def _lost(self, name: str, query: Any, body: bytes) -> dict[str, Any]:
        with self.emulator.lock:
            region.lose(name)
            self.emulator.version.bump()
        return {}

    def _reset(self, query: Any, body: bytes) -> dict[str, Any]:
        with self.emulator.lock:
            BackendDict.reset()
            self.emulator.host_keys.clear()
            self.emulator.version.bump()
        self.faults.clear()
        return {}
