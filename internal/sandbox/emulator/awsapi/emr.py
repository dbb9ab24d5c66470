"""EMR."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.utils import utcnow
from moto.emr.exceptions import InvalidRequestException
from moto.emr.models import Cluster, ElasticMapReduceBackend, InstanceGroup
from moto.emr.responses import ElasticMapReduceResponse
from moto.utilities.utils import load_resource

from awsapi import emrsteps
from awsapi.patching import Emulator, added, around

STARTING = timedelta(seconds=2)
BOOTSTRAPPING = timedelta(seconds=4)
TERMINATING = timedelta(seconds=2)
LATEST_TYPES = "resources/instance-types-emr-7.13.0.json"


def the_region_is_that_of_the_caller(_: Emulator) -> None:
    """10. Unless the host name tells the region, every EMR call lands in
    us-east-1."""

    @around(ElasticMapReduceResponse, "get_region_from_url")
    def region(original: Any, self: Any, request: Any, full_url: str) -> str:
        return BaseResponse.get_region_from_url(self, request, full_url)


def clusters_take_their_time(_: Emulator) -> None:
    """10. Clusters go straight to WAITING and TERMINATED: nobody ever sees
    STARTING, BOOTSTRAPPING or TERMINATING."""

    def state(self: Cluster) -> str | None:
        stored = self.__dict__.get("sandbox_state")
        if stored == "TERMINATED" and utcnow() - self.end_datetime < TERMINATING:
            return "TERMINATING"
        if stored in ("WAITING", "RUNNING"):
            age = utcnow() - self.creation_datetime
            if age < STARTING:
                return "STARTING"
            if age < BOOTSTRAPPING:
                return "BOOTSTRAPPING"
            return "RUNNING" if emrsteps.busy(self) else "WAITING"
        return stored

    def set_state(self: Cluster, value: str | None) -> None:
        self.__dict__["sandbox_state"] = value

    @around(Cluster, "__init__")
    def create(original: Any, self: Cluster, *args: Any, **kwargs: Any) -> None:
        self.creation_datetime, self.end_datetime = utcnow(), None
        original(self, *args, **kwargs)

    Cluster.state = property(state, set_state)
    Cluster.sandbox_ready = lambda self: self.creation_datetime + BOOTSTRAPPING


def instances_live_in_the_clusters_subnet(_: Emulator) -> None:
    """10. A cluster's instances are put into the default network without
    security groups, key or profile, are not made for groups that are added or
    resized later, and keep running after the cluster has ended; the primary's
    name is that of an address which it may not have."""

    @around(ElasticMapReduceBackend, "run_instances")
    def run(
        original: Any, self: ElasticMapReduceBackend, cluster_id: str, instances: Any, instance_group: Any
    ) -> None:
        cluster = self.clusters[cluster_id]
        _launch(self, cluster, instance_group, instance_group.num_instances, original)

    @around(ElasticMapReduceBackend, "modify_instance_groups")
    def resize(original: Any, self: ElasticMapReduceBackend, instance_groups: Any) -> None:
        changed = [
            group for group in instance_groups if group.get("instance_count") is not None
        ]
        original(self, changed)
        for entry in changed:
            group = self.instance_groups[entry["instance_group_id"]]
            cluster = self.clusters[group.cluster_id]
            members = [i for i in cluster.ec2_instances if i.instance_group is group]
            for member in members[group.num_instances :]:
                cluster.ec2_instances.remove(member)
                member.ec2_instance.terminate()
            missing = group.num_instances - len(members)
            if missing > 0:
                _launch(self, cluster, group, missing, run_original)

    run_original = ElasticMapReduceBackend.run_instances.__wrapped__

    @around(Cluster, "terminate")
    def terminate(original: Any, self: Cluster) -> None:
        original(self)
        for group in self.instance_groups:
            group.state, group.num_instances, group.end_date_time = "TERMINATED", 0, utcnow()
        for member in self.ec2_instances:
            member.ec2_instance.terminate()

    def primary_name(self: Cluster) -> str:
        for member in self.ec2_instances:
            if member.instance_group.id == self.master_instance_group_id:
                return member.public_dns_name or member.private_dns_name
        return ""

    Cluster.master_public_dns_name = property(primary_name)


def _launch(
    backend: ElasticMapReduceBackend, cluster: Cluster, group: InstanceGroup, count: int, run: Any
) -> None:
    """Starts count instances of the group where the cluster is."""
    primary = group.role == "MASTER"
    managed = cluster.master_security_group if primary else cluster.slave_security_group
    additional = (
        cluster.additional_master_security_groups
        if primary
        else cluster.additional_slave_security_groups
    )
    known = backend.ec2_backend.get_security_group_from_id
    arguments: dict[str, Any] = {
        "instance_count": count,
        "instance_type": group.instance_type,
        "region_name": backend.region_name,
        "emr_cluster": cluster.id,
        "key_name": cluster.ec2_key_name,
        "security_group_ids": [g for g in [managed, *(additional or [])] if g and known(g)],
        "tags": {
            "instance": {
                **cluster._tags,
                "aws:elasticmapreduce:job-flow-id": cluster.id,
                "aws:elasticmapreduce:instance-group-role": group.role,
            }
        },
    }
    if cluster.ec2_subnet_id:
        arguments["subnet_id"] = cluster.ec2_subnet_id
        arguments["associate_public_ip"] = None
    before = len(cluster.ec2_instances)
    run(backend, cluster.id, arguments, group)
    for member in cluster.ec2_instances[before:]:
        _give_profile(backend, cluster, member.ec2_instance)


def _give_profile(backend: ElasticMapReduceBackend, cluster: Cluster, instance: Any) -> None:
    from moto.iam.exceptions import NotFoundException

    by = "iam_instance_profile_arn" if cluster.role.startswith("arn:") else "iam_instance_profile_name"
    try:
        backend.ec2_backend.associate_iam_instance_profile(instance.id, **{by: cluster.role})
    except NotFoundException:
        return  # EMR's default profile need not exist here


def settings_are_shown(_: Emulator) -> None:
    """10. Much that RunJobFlow is told is forgotten (the key of the logs, how to
    scale down, the release of the system, replacement of unhealthy nodes), so
    that the provider wants another cluster; three calls are missing."""

    @around(ElasticMapReduceResponse, "run_job_flow")
    def run(original: Any, self: Any) -> Any:
        result = original(self)
        cluster = self.backend.clusters[result.result["JobFlowId"]]
        cluster.log_encryption_kms_key_id = self._get_param("LogEncryptionKmsKeyId")
        cluster.scale_down_behavior = (
            self._get_param("ScaleDownBehavior") or "TERMINATE_AT_TASK_COMPLETION"
        )
        cluster.os_release_label = self._get_param("OSReleaseLabel")
        cluster.repo_upgrade_on_boot = self._get_param("RepoUpgradeOnBoot")
        cluster.instance_collection_type = "INSTANCE_GROUP"
        cluster.unhealthy_node_replacement = self._get_param(
            "Instances.UnhealthyNodeReplacement", False
        )
        return result

    @added(ElasticMapReduceResponse)
    def list_instance_fleets(self: Any) -> ActionResult:
        raise InvalidRequestException(
            message="Instance fleets and instance groups are mutually exclusive. "
            "The EMR cluster specified in the request uses instance groups."
        )

    def change(self: Any, attribute: str, parameter: str) -> ActionResult:
        for identifier in self._get_param("JobFlowIds", []):
            setattr(self.backend.describe_cluster(identifier), attribute, self._get_param(parameter, False))
        return EmptyResult()

    @added(ElasticMapReduceResponse)
    def set_unhealthy_node_replacement(self: Any) -> ActionResult:
        return change(self, "unhealthy_node_replacement", "UnhealthyNodeReplacement")

    @added(ElasticMapReduceResponse)
    def set_keep_job_flow_alive_when_no_steps(self: Any) -> ActionResult:
        return change(self, "keep_job_flow_alive_when_no_steps", "KeepJobFlowAliveWhenNoSteps")


def instance_groups_have_ids(_: Emulator) -> None:
    """10. AddInstanceGroups answers without the ids of the new groups (the
    provider then crashes) and makes no instances for them."""

    @around(ElasticMapReduceResponse, "add_instance_groups")
    def add(original: Any, self: Any) -> ActionResult:
        cluster = self.backend.describe_cluster(self._get_param("JobFlowId"))
        groups = original(self).result["InstanceGroups"]
        for group in groups:
            self.backend.run_instances(cluster.id, {}, group)
        return ActionResult(
            {
                "JobFlowId": cluster.id,
                "InstanceGroupIds": [group.id for group in groups],
                "ClusterArn": cluster.arn,
            }
        )


def supported_types_are_known(_: Emulator) -> None:
    """10. ListSupportedInstanceTypes answers an internal error for releases
    that moto has no list of."""

    @around(ElasticMapReduceBackend, "list_supported_instance_types")
    def types(original: Any, self: ElasticMapReduceBackend, release_label: str) -> Any:
        if not re.fullmatch(r"emr-\d+\.\d+\.\d+", release_label or ""):
            return []
        try:
            return original(self, release_label)
        except FileNotFoundError:
            names = load_resource("moto.emr.models", LATEST_TYPES)
            return [details for name, details in self._instance_types.items() if name in names]


