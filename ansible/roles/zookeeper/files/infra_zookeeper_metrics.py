#!/usr/bin/python3
"""Publishes once a minute how the ZooKeeper server on this host is, as metrics of namespace Infra/ZooKeeper.

Every server publishes its own with the dimensions Cluster and InstanceId; the leader those of the ensemble with Cluster alone. What
cannot be known is left out: alarms tell a missing metric from a good one.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import time

SETTINGS = "/etc/infra/zookeeper.json"
NAMESPACE = "Infra/ZooKeeper"
PERIOD = 60.0
# "[12.345s] GC(3) Pause Young (Normal) (G1 Evacuation Pause) 25M->4M(512M) 3.210ms": what is left of the heap after a collection.
COLLECTED = re.compile(r"Pause .* \d+([KMG])->(\d+)([KMG])\(\d+[KMG]\)")
MEBIBYTES = {"K": 1 / 1024, "M": 1, "G": 1024}


def ask(word, port):
    """Return the server's answer to a four-letter word, empty when it gives none."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(word.encode())
        while part := connection.recv(65536):
            answer += part
    return answer.decode(errors="replace")


def values(monitor):
    """Return the numbers among the lines of mntr, name without its prefix to number."""
    found = {}
    for line in monitor.splitlines():
        name, _, value = line.partition("\t")
        with contextlib.suppress(ValueError):
            found[name.removeprefix("zk_")] = float(value)
    return found


def state(monitor):
    """Return leader, follower, observer or standalone, of mntr."""
    return next((line.split("\t", 1)[1].strip() for line in monitor.splitlines() if line.startswith("zk_server_state\t")), "")


def epoch(server):
    """Return the number of the leader's reign, of srvr: the upper half of the last transaction's number. None when it is not told."""
    for line in server.splitlines():
        if line.startswith("Zxid: "):
            return int(line.split()[1], 16) >> 32
    return None


def heap_after_collection(log):
    """Return MiB of the heap that were in use after the last collection, None before the first."""
    last = None
    for match in COLLECTED.finditer(log):
        last = float(match[2]) * MEBIBYTES[match[3]]
    return last


def latency(numbers, before):
    """Return the mean latency of the requests since the last look, in ms; None without one. The server's own mean is since its start."""
    answered, took = (sum(numbers.get(kind % name, 0) - before.get(kind % name, 0) for name in ("readlatency", "updatelatency"))
                      for kind in ("cnt_%s", "sum_%s"))
    return took / answered if answered > 0 and took >= 0 else None


def of_server(numbers, before, heap, heap_mb):
    """Return the metrics of this server; before are the numbers of the last look."""
    metrics = {
        "outstanding_requests": numbers.get("outstanding_requests"),
        "avg_latency_ms": latency(numbers, before),
        "fsync_p99_ms": numbers.get("p99_fsynctime"),
        "connections": numbers.get("num_alive_connections"),
    }
    if numbers.get("max_file_descriptor_count"):
        metrics["open_descriptors_percent"] = 100 * numbers.get("open_file_descriptor_count", 0) / numbers["max_file_descriptor_count"]
    if heap is not None:
        metrics["heap_used_percent"] = 100 * heap / heap_mb
    return {name: value for name, value in metrics.items() if value is not None}


def of_ensemble(numbers, reign, before):
    """Return the metrics of the ensemble, which its leader knows. before is the reign at the last look; None: there was none."""
    # A server that was taken out follows on as long as it runs.
    synced = numbers.get("synced_followers", 0) - numbers.get("synced_non_voting_followers", 0)
    metrics = {"leaders": 1, "synced_followers": synced, "voters": synced + 1, "znodes": numbers.get("znode_count")}
    if reign is not None and before is not None:
        metrics["elections"] = max(0, reign - before)
    return {name: value for name, value in metrics.items() if value is not None}


def data(settings, own, ensemble):
    """Return the metrics as PutMetricData takes them."""
    cluster = [{"Name": "Cluster", "Value": settings["cluster"]}]
    server = cluster + [{"Name": "InstanceId", "Value": settings["instance"]}]
    return [{"MetricName": name, "Dimensions": dimensions, "Value": float(value)}
            for metrics, dimensions in ((own, server), (ensemble, cluster)) for name, value in metrics.items()]


def look(settings, before):
    """Return what is to be published now, and what the next look is to be told: the numbers and the reign."""
    port = int(settings["client_port"])
    monitor = ask("mntr", port)
    mode = state(monitor)
    if not mode:
        return [], before
    numbers, reign = values(monitor), epoch(ask("srvr", port))
    log = ""
    with contextlib.suppress(OSError), open(settings["gc_log"], encoding="utf-8", errors="replace") as stream:
        log = stream.read()
    own = of_server(numbers, before[0], heap_after_collection(log), float(settings["heap_mb"]))
    ensemble = of_ensemble(numbers, reign, before[1]) if mode in ("leader", "standalone") else {}
    return data(settings, own, ensemble), (numbers, reign)


def main():
    """Publish for ever. A publication that fails is told to the journal, and the next one is due a minute later."""
    import boto3
    from botocore import config, exceptions

    with open(SETTINGS, encoding="utf-8") as stream:
        settings = json.load(stream)
    client = boto3.client("cloudwatch", region_name=settings["region"],
                          config=config.Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2}))
    before = ({}, None)
    while True:
        metrics, before = look(settings, before)
        try:
            if metrics:
                client.put_metric_data(Namespace=NAMESPACE, MetricData=metrics)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            print("metrics are not published: %s" % error, file=sys.stderr, flush=True)
        time.sleep(PERIOD)


if __name__ == "__main__":
    main()
