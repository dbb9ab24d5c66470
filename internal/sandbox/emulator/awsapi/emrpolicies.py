"""What EMR keeps beside a cluster: its policies, and security configurations."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.emr.models import Cluster
from moto.emr.responses import ElasticMapReduceResponse

from awsapi.patching import Emulator, added, around


def policies_are_kept(_: Emulator) -> None:
    """10. Managed scaling and auto-termination policies answer an internal
    error, and are ignored when they come with RunJobFlow."""

    @around(ElasticMapReduceResponse, "run_job_flow")
    def run(original: Any, self: Any) -> Any:
        result = original(self)
        cluster = self.backend.clusters[result.result["JobFlowId"]]
        cluster.sandbox_scaling = _plain(self._get_param("ManagedScalingPolicy"))
        cluster.sandbox_termination = _plain(self._get_param("AutoTerminationPolicy"))
        # Tags arrive after the instances are there.
        for member in cluster.ec2_instances:
            member.ec2_instance.add_tags(cluster._tags)
        return result

    def cluster_of(self: Any) -> Cluster:
        return self.backend.describe_cluster(self._get_param("ClusterId"))

    @added(ElasticMapReduceResponse)
    def put_managed_scaling_policy(self: Any) -> ActionResult:
        cluster_of(self).sandbox_scaling = _plain(self._get_param("ManagedScalingPolicy"))
        return EmptyResult()

    @added(ElasticMapReduceResponse)
    def get_managed_scaling_policy(self: Any) -> ActionResult:
        policy = getattr(cluster_of(self), "sandbox_scaling", None)
        return ActionResult({"ManagedScalingPolicy": policy} if policy else {})

    @added(ElasticMapReduceResponse)
    def remove_managed_scaling_policy(self: Any) -> ActionResult:
        cluster_of(self).sandbox_scaling = None
        return EmptyResult()

    @added(ElasticMapReduceResponse)
    def put_auto_termination_policy(self: Any) -> ActionResult:
        cluster_of(self).sandbox_termination = _plain(self._get_param("AutoTerminationPolicy"))
        return EmptyResult()

    @added(ElasticMapReduceResponse)
    def get_auto_termination_policy(self: Any) -> ActionResult:
        policy = getattr(cluster_of(self), "sandbox_termination", None)
        return ActionResult({"AutoTerminationPolicy": policy} if policy else {})

    @added(ElasticMapReduceResponse)
    def remove_auto_termination_policy(self: Any) -> ActionResult:
        cluster_of(self).sandbox_termination = None
        return EmptyResult()


def _plain(value: Any) -> Any:
    """The parameter as ordinary dictionaries with the API's own names."""
    if value is None:
        return None
    if hasattr(value, "original_dict"):
        value = value.original_dict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def security_configurations_are_listed(_: Emulator) -> None:
    """10. ListSecurityConfigurations is missing."""

    @added(ElasticMapReduceResponse)
    def list_security_configurations(self: Any) -> ActionResult:
        listed = [
            {"Name": held.name, "CreationDateTime": held.creation_date_time}
            for held in self.backend.security_configurations.values()
        ]
        return ActionResult({"SecurityConfigurations": listed})
