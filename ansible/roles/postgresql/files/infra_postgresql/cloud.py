"""What this program asks of AWS, with short timeouts; every failure is a CloudError, whatever its cause.

The clients are made once, at first use, and may be used by several threads.
"""

from __future__ import annotations

import dataclasses
import functools
import threading

FENCED = "fenced"
NAMESPACE = "Infra/PostgreSQL"
DOWN = ("stopped", "terminated")
_PATIENCE_LIMIT = 20


class CloudError(Exception):
    """AWS could not be asked, or refused."""

    def __init__(self, operation, cause, timeout=False):
        super().__init__("%s: %s" % (operation, cause))
        self.timeout = timeout


@dataclasses.dataclass(frozen=True)
class Instance:
    """An instance as the API tells it."""

    id: str
    state: str
    tags: dict

    @property
    def down(self):
        """Whether it is proven not to run: `stopping` is no proof."""
        return self.state in DOWN

    @property
    def fenced(self):
        """The term in which it was fenced, as text, or None."""
        return self.tags.get(FENCED)


def _told(operation):
    """Turn whatever boto3 raises into CloudError."""

    def wrap(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            from botocore import exceptions

            try:
                return function(*args, **kwargs)
            except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError) as error:
                raise CloudError(operation, error, timeout=True) from error
            except (exceptions.BotoCoreError, exceptions.ClientError) as error:
                raise CloudError(operation, error) from error

        return call

    return wrap


class Cloud:
    """AWS as this node sees it. patience is how many seconds an answer may take."""

    def __init__(self, settings, patience=2):
        self.settings = settings
        self.patience = patience
        self._lock = threading.Lock()
        self._session = None
        self._clients = {}

    def more_patient(self):
        """Return a Cloud that waits twice as long: where the API is slow, a short timeout never gets an answer."""
        return Cloud(self.settings, min(self.patience * 2, _PATIENCE_LIMIT))

    def client(self, service):
        """Return the boto3 client of a service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service):
        import boto3
        import botocore.config
        import botocore.session

        if self._session is None:
            core = botocore.session.get_session()
            core.set_config_variable("metadata_service_timeout", self.patience)
            core.set_config_variable("metadata_service_num_attempts", 2)
            self._session = boto3.session.Session(region_name=self.settings.region, botocore_session=core)
        return self._session.client(service, config=botocore.config.Config(
            connect_timeout=2, read_timeout=self.patience, retries={"total_max_attempts": 2, "mode": "standard"},
            s3={"addressing_style": "path"}))

    @_told("DescribeInstances")
    def instances(self, nodes):
        """Return number -> Instance of the nodes; one that the API does not know is missing."""
        wanted = {node.instance_id: node.number for node in nodes}
        answer = self.client("ec2").describe_instances(Filters=[{"Name": "instance-id", "Values": sorted(wanted)}])
        found = {}
        for reservation in answer["Reservations"]:
            for raw in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in raw.get("Tags", [])}
                found[wanted[raw["InstanceId"]]] = Instance(raw["InstanceId"], raw["State"]["Name"], tags)
        return found

    @_told("CreateTags")
    def mark(self, node, term):
        """Mark the node's instance as fenced."""
        self.client("ec2").create_tags(Resources=[node.instance_id], Tags=[{"Key": FENCED, "Value": str(term)}])

    @_told("DeleteTags")
    def unmark(self, node):
        """Take the mark off the node's instance."""
        self.client("ec2").delete_tags(Resources=[node.instance_id], Tags=[{"Key": FENCED}])

    @_told("StopInstances")
    def stop(self, node, at_once=True):
        """Stop the node's instance; at once: without a shutdown of its system, which may hang."""
        client = self.client("ec2")
        if not at_once:
            client.stop_instances(InstanceIds=[node.instance_id])
            return
        client.meta.events.register("before-call.ec2.StopInstances", _skip_shutdown, unique_id="skip-shutdown")
        client.stop_instances(InstanceIds=[node.instance_id], Force=True)

    @_told("StartInstances")
    def start(self, node):
        """Start the node's instance."""
        self.client("ec2").start_instances(InstanceIds=[node.instance_id])

    def rehearse(self, node):
        """Ask the API whether this node could fence another; raises CloudError when it could not, and changes nothing."""
        self._dry_run("StopInstances", lambda ec2: ec2.stop_instances(InstanceIds=[node.instance_id], Force=True, DryRun=True))
        self._dry_run("CreateTags", lambda ec2: ec2.create_tags(
            Resources=[node.instance_id], Tags=[{"Key": FENCED, "Value": "0"}], DryRun=True))

    def _dry_run(self, operation, call):
        from botocore import exceptions

        @_told(operation)
        def ask():
            try:
                call(self.client("ec2"))
            except exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "DryRunOperation":
                    raise

        ask()

    @_told("DescribeAddresses")
    def address_owner(self, allocation_id):
        """Return the id of the instance that has the elastic address, or None."""
        answer = self.client("ec2").describe_addresses(AllocationIds=[allocation_id])
        return answer["Addresses"][0].get("InstanceId") or None

    @_told("AssociateAddress")
    def take_address(self, allocation_id, node):
        """Give the elastic address to the node, whoever has it."""
        self.client("ec2").associate_address(AllocationId=allocation_id, InstanceId=node.instance_id, AllowReassociation=True)

    @_told("ListResourceRecordSets")
    def name_addresses(self, zone_id, name):
        """Return the addresses that the name has in the zone."""
        answer = self.client("route53").list_resource_record_sets(
            HostedZoneId=zone_id, StartRecordName=name, StartRecordType="A", MaxItems="1")
        for record in answer["ResourceRecordSets"]:
            if record["Name"].rstrip(".") == name.rstrip(".") and record["Type"] == "A":
                return [value["Value"] for value in record.get("ResourceRecords", [])]
        return []

    @_told("ChangeResourceRecordSets")
    def take_name(self, zone_id, name, address):
        """Make the name mean the address alone."""
        self.client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [
            {"Action": "UPSERT", "ResourceRecordSet": {"Name": name, "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": address}]}}]})

    @_told("PutMetricData")
    def put_metrics(self, metrics, of_node=()):
        """Publish name -> number for the cluster; those of of_node for this node's instance instead."""
        cluster = [{"Name": "Cluster", "Value": self.settings.cluster}]
        own = cluster + [{"Name": "InstanceId", "Value": self.settings.me.instance_id}]
        self.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[
            {"MetricName": name, "Dimensions": own if name in of_node else cluster, "Value": float(value)} for name, value in metrics.items()])


    @_told("PutObject")
    def put_object(self, bucket, key, data):
        """Store an object."""
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=data, ChecksumAlgorithm="SHA256")


def _skip_shutdown(params, **_):
    """Add to a forced stop the parameter that boto3 of Debian 12 does not know yet."""
    if "Force" in params["body"]:
        params["body"].setdefault("SkipOsShutdown", "true")
