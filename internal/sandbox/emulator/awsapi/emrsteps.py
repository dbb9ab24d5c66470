"""What a cluster of EMR does: steps, its HDFS, and what it says of its memory."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend
from moto.core.utils import utcnow
from moto.emr.exceptions import InvalidRequestException, ValidationException
from moto.emr.models import Cluster, ElasticMapReduceBackend, Step, emr_backends
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from awsapi.patching import Emulator, around

# How long a step works; `sleep N` works for N seconds.
WORKING = timedelta(milliseconds=500)
ENDED = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
ACTIVE = ("PENDING", "RUNNING")
# What a cluster has in HDFS before anybody has put anything there: files by folder.
EMPTY_HDFS = {"/apps": 3, "/tmp": 1, "/user/hadoop": 0, "/user/spark": 0, "/var": 2}
# Linux on an m6i.xlarge that has nothing to do.
MEMORY = "MemTotal:       16001024 kB\nMemAvailable:   10122240 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB"


def steps_are_worked_on(_: Emulator) -> None:
    """10. The first step runs for ever and the others wait for it for ever,
    also in a cluster that has ended, which even takes new ones. Here one after
    the other is worked on as soon as the cluster is up; those of an ended
    cluster are cancelled. Commands that infra gives are carried out: what they
    read from S3 and write to it is real."""

    @around(Cluster, "add_steps")
    def add(original: Any, self: Cluster, steps: list[dict[str, Any]]) -> list[Step]:
        if self.state in ENDED:
            raise ValidationException(
                "A job flow that is shutting down, terminated, or finished may not be modified."
            )
        added = original(self, steps)
        for step in added:
            step.sandbox_cluster = self
            step.sandbox_start = max(self.sandbox_ready(), utcnow(), *(s.sandbox_end for s in self.steps if s is not step and hasattr(s, "sandbox_end")))
            step.sandbox_end = step.sandbox_start + _duration(step)
            step.sandbox_done = False
        return added

    def state(self: Step) -> str:
        cluster = self.__dict__.get("sandbox_cluster")
        if cluster is None:
            return self.__dict__["sandbox_state"]
        now = min(utcnow(), cluster.end_datetime or datetime.max)
        if now < self.sandbox_start:
            return "PENDING" if cluster.end_datetime is None else "CANCELLED"
        self.start_date_time = self.sandbox_start
        if now < self.sandbox_end:
            return "RUNNING" if cluster.end_datetime is None else "INTERRUPTED"
        self.end_date_time = self.sandbox_end
        _work(cluster)
        return "FAILED" if "false" in self.args else "COMPLETED"

    def set_state(self: Step, value: str) -> None:
        self.__dict__["sandbox_state"] = value

    Step.state = property(state, set_state)

    @around(ElasticMapReduceBackend, "list_steps")
    def list_steps(original: Any, self: ElasticMapReduceBackend, cluster_id: str, *args: Any, **kwargs: Any) -> list[Step]:
        _known(self, cluster_id)
        return original(self, cluster_id, *args, **kwargs)

    @around(ElasticMapReduceBackend, "describe_step")
    def describe_step(original: Any, self: ElasticMapReduceBackend, cluster_id: str, step_id: str) -> Step:
        _known(self, cluster_id)
        step = original(self, cluster_id, step_id)
        if step is None:
            raise InvalidRequestException(message="Step id is not valid.")
        return step

    @around(ElasticMapReduceBackend, "add_job_flow_steps")
    def add_job_flow_steps(original: Any, self: ElasticMapReduceBackend, job_flow_id: str, steps: Any) -> list[Step]:
        _known(self, job_flow_id)
        return original(self, job_flow_id, steps)


def _known(backend: ElasticMapReduceBackend, cluster_id: str) -> None:
    if cluster_id not in backend.clusters:
        raise InvalidRequestException(message=f"Cluster id '{cluster_id}' is not valid.")


def busy(cluster: Cluster) -> bool:
    """Whether the cluster has steps to work on."""
    return any(step.state in ACTIVE for step in cluster.steps)


def _duration(step: Step) -> timedelta:
    args = list(step.args)
    if args[:1] == ["sleep"] and len(args) == 2:
        return timedelta(seconds=float(args[1]))
    return WORKING


def _work(cluster: Cluster) -> None:
    """Carries out the commands of all steps whose time is over, in their order."""
    now = min(utcnow(), cluster.end_datetime or datetime.max)
    for step in cluster.steps:
        if hasattr(step, "sandbox_done") and not step.sandbox_done and step.sandbox_end <= now:
            step.sandbox_done = True
            _carry_out(cluster, list(step.args))


def _carry_out(cluster: Cluster, args: list[str]) -> None:
    hdfs = cluster.__dict__.setdefault("sandbox_hdfs", dict(EMPTY_HDFS))
    if args[:3] == ["hdfs", "dfs", "-touchz"]:
        for path in args[3:]:
            folder = path.rpartition("/")[0] or "/"
            hdfs[folder] = hdfs.get(folder, 0) + 1
        return
    if args[:4] == ["hdfs", "dfs", "-rm", "-r"]:
        for path in args[4:]:
            for folder in [f for f in hdfs if f == path or f.startswith(path + "/")]:
                del hdfs[folder]
        return
    if args[:2] != ["bash", "-c"] or len(args) != 3:
        return
    target = re.search(r"hdfs dfs -put -f -d - '?(s3://[^' ]+)", args[2])
    if not target:
        return
    lines: list[str] = []
    if source := re.search(r"json\.`(s3://[^`]+)`", args[2]):
        lines.append(f"{json.loads(_read(cluster, source[1]))['nonce']}\t500000500000")
    if source := re.search(r"hdfs dfs -cat '?(s3://[^' ;]+)", args[2]):
        lines.append(_read(cluster, source[1]).decode())
    if "yarn node" in args[2]:
        lines += ["Total Nodes:0", "         Node-Id\t     Node-State\tNode-Http-Address\tNumber-of-Running-Containers"]
    if "/proc/meminfo" in args[2]:
        lines.append(getattr(cluster, "sandbox_memory", MEMORY))
    if "hdfs dfs -count" in args[2]:
        lines += _count(hdfs)
    _write(cluster, target[1], "\n".join(lines) + "\n")


def _count(hdfs: dict[str, int]) -> list[str]:
    """What `hdfs dfs -count` says of everything down to the third level."""
    shown: set[str] = set()
    for folder in hdfs:
        parts = folder.strip("/").split("/")
        shown.update("/" + "/".join(parts[:depth]) for depth in range(1, min(len(parts), 3) + 1))
    lines = []
    for path in sorted(shown, key=lambda p: (p.count("/"), p)):
        if path.count("/") > 1 and not path.startswith("/user/"):
            continue
        files = sum(count for folder, count in hdfs.items() if folder == path or folder.startswith(path + "/"))
        lines.append(f"{1:12d} {files:12d} {files * 1024:18d} {path}")
    return lines


def _bucket(cluster: Cluster, address: str) -> tuple[Any, str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    account = cluster.emr_backend.account_id
    return s3_backends[account][get_partition(cluster.emr_backend.region_name)], bucket, key


def _read(cluster: Cluster, address: str) -> bytes:
    backend, bucket, key = _bucket(cluster, address)
    return backend.get_object(bucket, key).value


def _write(cluster: Cluster, address: str, text: str) -> None:
    backend, bucket, key = _bucket(cluster, address)
    backend.put_object(bucket, key, text.encode())


def clusters_report(_: Emulator) -> None:
    """10. CloudWatch knows nothing of clusters: here EMR's own metrics and those
    of the agent on the primary node are there as soon as somebody asks."""

    @around(CloudWatchBackend, "get_metric_data")
    def get(original: Any, self: CloudWatchBackend, *args: Any, **kwargs: Any) -> Any:
        _report(self)
        return original(self, *args, **kwargs)

    @around(CloudWatchBackend, "list_metrics")
    def list_metrics(original: Any, self: CloudWatchBackend, *args: Any, **kwargs: Any) -> Any:
        _report(self)
        return original(self, *args, **kwargs)


def _report(backend: CloudWatchBackend) -> None:
    now = utcnow()
    for cluster in emr_backends[backend.account_id][backend.region_name].clusters.values():
        last = cluster.__dict__.get("sandbox_reported")
        if cluster.state not in ("WAITING", "RUNNING") or (last and now - last < timedelta(seconds=1)):
            continue
        cluster.sandbox_reported = now
        states = [step.state for step in cluster.steps]
        own = {
            "AppsRunning": states.count("RUNNING"), "AppsPending": states.count("PENDING"), "ContainerPending": 0,
            "YARNMemoryAvailablePercentage": 75, "MRUnhealthyNodes": 0, "MRLostNodes": 0, "HDFSUtilization": 1,
        }
        _put(backend, "AWS/ElasticMapReduce", own, [("JobFlowId", cluster.id)], now)
        for member in cluster.ec2_instances:
            if member.instance_group.role == "MASTER":
                dimensions = [("cluster.id", cluster.id), ("instance.id", member.ec2_instance.id), ("node.type", "MASTER"), ("service.name", "SystemMetrics")]
                _put(backend, "CWAgent", {"mem_available_percent": 63.0, "swap_used_percent": 0.0}, dimensions, now)


def _put(backend: CloudWatchBackend, namespace: str, values: dict[str, float], dimensions: list[tuple[str, str]], now: datetime) -> None:
    backend.put_metric_data(
        namespace,
        [
            {
                "MetricName": name, "Value": value, "Timestamp": now,
                "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions],
            }
            for name, value in values.items()
        ],
    )
