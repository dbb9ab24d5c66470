"""The life of an instance: what the API says is what its host really does."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

from awsapi.patching import Emulator, around

CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
GRACEFUL, FORCE, SKIP_OS = "graceful", "force", "skip-os"


class Superseded(Exception):
    """A host reached a state that its instance is no longer on the way to."""


def enter(instance: Instance, name: str) -> None:
    """Puts the instance into the state."""
    instance._state = InstanceState(name, CODES[name])


def _refuse(instance: Instance, verb: str) -> EC2ClientError:
    return EC2ClientError(
        "IncorrectInstanceState",
        f"The instance '{instance.id}' is not in a state from which it can be {verb}.",
    )


def _held(emulator: Emulator, instance: Instance) -> bool:
    return emulator.settings.hosts and not instance.sandbox_emr_cluster


def transitions_wait_for_the_host(emulator: Emulator) -> None:
    """14. Instances are running, stopped and terminated at once, whatever their
    host does, and any state can follow any other."""

    @around(Instance, "__init__")
    def create(original: Any, self: Instance, *args: Any, **kwargs: Any) -> None:
        self.sandbox_emr_cluster = kwargs.get("emr_cluster", "")
        self.sandbox_boot, self.sandbox_reboots = 1, 0
        self.sandbox_stop_mode = GRACEFUL
        original(self, *args, **kwargs)
        if _held(emulator, self):
            enter(self, "pending")

    @around(Instance, "start")
    def start(original: Any, self: Instance) -> InstanceState:
        if self._state.name in ("pending", "running"):
            return copy.copy(self._state)
        if self._state.name != "stopped":
            raise _refuse(self, "started")
        previous = original(self)
        self.sandbox_boot += 1
        self.sandbox_stop_mode = GRACEFUL
        self.launch_time = utcnow()
        if _held(emulator, self):
            enter(self, "pending")
        return previous

    @around(Instance, "stop")
    def stop(original: Any, self: Instance) -> InstanceState:
        if self._state.name in ("stopping", "stopped"):
            return copy.copy(self._state)
        if self._state.name != "running":
            raise _refuse(self, "stopped")
        if not _held(emulator, self):
            return original(self)
        previous = copy.copy(self._state)
        enter(self, "stopping")
        self.state_reason = StateReason(
            "Client.UserInitiatedShutdown: User initiated shutdown", "Client.UserInitiatedShutdown"
        )
        return previous

    @around(Instance, "terminate")
    def terminate(original: Any, self: Instance) -> InstanceState:
        if self._state.name in ("shutting-down", "terminated"):
            return copy.copy(self._state)
        if not _held(emulator, self):
            return original(self)
        previous = copy.copy(self._state)
        enter(self, "shutting-down")
        return previous

    @around(Instance, "reboot")
    def reboot(original: Any, self: Instance) -> None:
        if self._state.name != "running":
            raise _refuse(self, "rebooted")
        self.sandbox_reboots += 1

    Instance.sandbox_confirm = _confirm(_original(Instance.stop), _original(Instance.terminate))


def _original(function: Any) -> Any:
    return function.__wrapped__


def _confirm(stop: Any, terminate: Any) -> Any:
    def confirm(self: Instance, state: str, boot: int | None) -> bool:
        """The host of the instance's boot-th life reached the state. True when
        that changed the instance. Raises Superseded when it is elsewhere by now."""
        now = self._state.name
        if boot is not None and boot != self.sandbox_boot:
            raise Superseded(f"{self.id} is in its life {self.sandbox_boot}, not {boot}")
        if now == state:
            return False
        if state == "running" and now == "pending":
            enter(self, "running")
        elif state == "stopped" and now == "stopping":
            stop(self)
        elif state == "stopped" and now in ("pending", "running"):
            _shut_itself_down(self, stop, terminate)
        elif state == "terminated" and now == "shutting-down":
            terminate(self)
        else:
            raise Superseded(f"{self.id} is {now} and cannot become {state}")
        return True

    return confirm


def _shut_itself_down(instance: Instance, stop: Any, terminate: Any) -> None:
    """The host was switched off from within."""
    if instance.instance_initiated_shutdown_behavior == "terminate":
        terminate(instance)
    else:
        stop(instance)
    instance.state_reason = StateReason(
        "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
        "Client.InstanceInitiatedShutdown",
    )


def stops_remember_how(_: Emulator) -> None:
    """14. Force and SkipOsShutdown are ignored. Asking again with more force
    while an instance is already on its way down makes that stop harder."""

    ranks = (GRACEFUL, FORCE, SKIP_OS)

    for name in ("stop_instances", "terminate_instances"):

        @around(InstanceResponse, name)
        def respond(original: Any, self: InstanceResponse) -> Any:
            result = original(self)
            mode = GRACEFUL
            if self._get_param("Force", False):
                mode = FORCE
            if self._get_param("SkipOsShutdown", False):
                mode = SKIP_OS
            found = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))
            for instance in found:
                instance.sandbox_stop_mode = max(instance.sandbox_stop_mode, mode, key=ranks.index)
            for entry in next(iter(result.result.values())):
                current = next(i for i in found if i.id == entry["InstanceId"])._state.name
                if entry["PreviousState"].name == current and current in ("stopped", "terminated"):
                    entry["CurrentState"] = {"Code": CODES[current], "Name": current}
            return result
