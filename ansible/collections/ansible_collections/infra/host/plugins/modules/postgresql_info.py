#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the PostgreSQL cluster on this host is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_info
short_description: Tell what the local PostgreSQL cluster is
version_added: 1.0.0
description:
  - Looks at the data directory and asks the running server. To be run as the user postgres.
options:
  version:
    description: Major version.
    type: str
    required: true
  data_directory:
    description: Data directory of the cluster.
    type: path
    required: true
  user:
    description: User of repmgr, to prove that its password works through TCP and TLS.
    type: str
    default: ""
  units:
    description: Systemd units whose state is wanted.
    type: list
    elements: str
    default: []
  certificate:
    description: Path of the server's certificate, to tell whether it exists.
    type: path
  rejoining:
    description: Path of the file that exists while the host's agent makes a standby of this node.
    type: path
  expect_state:
    description: State that the cluster must come to. A V(primary) must take writes, a V(standby) must stream.
    type: str
    choices: [primary, standby]
  expect_replicas:
    description: Names of standbys that must stream from this server.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait for O(expect_state) and O(expect_replicas).
    type: int
    default: 0
author:
  - infra
"""

EXAMPLES = r"""
- name: Look at the cluster
  infra.host.postgresql_info:
    version: "15"
    data_directory: /var/lib/postgresql/15/main
  become_user: postgres
"""

RETURN = r"""
state:
  description:
    - V(empty) without a cluster, V(incomplete) when its making was interrupted,
      V(stopped_primary) or V(stopped_standby) when no server answers, V(rejoining) when none does and the host's agent is
      at work on it, else V(primary) or V(standby).
  returned: always
  type: str
timeline:
  description: Timeline that the cluster is on.
  returned: always
  type: int
writable:
  description: Whether a write was taken.
  returned: always
  type: bool
receiver:
  description: State of a standby's WAL receiver.
  returned: always
  type: str
replicas:
  description: Who streams from this server.
  returned: always
  type: list
  elements: dict
nodes:
  description: Rows of repmgr.nodes as this server has them.
  returned: always
  type: list
  elements: dict
pending_restart:
  description: Parameters that wait for a restart.
  returned: always
  type: list
  elements: str
lowered:
  description: >-
    Whether one of these parameters is lower than before and one that a standby may not have lower than its primary: the
    primary has to restart first then, otherwise last.
  returned: always
  type: bool
login:
  description: Whether the user of repmgr can log in through TCP and TLS.
  returned: always
  type: bool
superusers:
  description: Users that are superusers and may log in.
  returned: always
  type: list
  elements: str
prepared:
  description: Comments of users that begin with C(infra:), by which a role remembers what it granted them.
  returned: always
  type: dict
complaint:
  description: Why no server answers.
  returned: always
  type: str
units:
  description: For each unit whether it is active and enabled.
  returned: always
  type: dict
certificate:
  description: Whether the certificate exists.
  returned: always
  type: bool
system_identifier:
  description: Identity of the cluster, empty when no server answers.
  returned: always
  type: str
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.infra.host.plugins.module_utils.postgresql import Cluster


def units(module, names):
    """Return for each unit whether it is active and enabled."""
    found = {}
    for name in names:
        dummy, out, dummy = module.run_command(["systemctl", "show", name, "--property=ActiveState,UnitFileState"])
        lines = out.split()
        found[name] = {"active": "ActiveState=active" in lines, "enabled": "UnitFileState=enabled" in lines}
    return found


def missing(answer, params):
    """Return what the answer lacks of what is expected, empty when nothing."""
    expected = params["expect_state"]
    if not expected:
        return ""
    if answer["state"] != expected:
        return "it is %s instead of %s %s" % (answer["state"], expected, answer["complaint"])
    if expected == "primary" and not answer["writable"]:
        return "it takes no writes"
    if expected == "standby" and answer["receiver"] != "streaming":
        return "its WAL receiver is %s instead of streaming" % (answer["receiver"] or "down")
    streaming = [replica["name"] for replica in answer["replicas"] if replica["state"] == "streaming"]
    absent = sorted(set(params["expect_replicas"]) - set(streaming))
    return "no stream to %s" % ", ".join(absent) if absent else ""


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "required": True},
            "data_directory": {"type": "path", "required": True},
            "user": {"type": "str", "default": ""},
            "units": {"type": "list", "elements": "str", "default": []},
            "certificate": {"type": "path"},
            "rejoining": {"type": "path"},
            "expect_state": {"type": "str", "choices": ["primary", "standby"]},
            "expect_replicas": {"type": "list", "elements": "str", "default": []},
            "wait": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    cluster = Cluster(module, params["version"], params["data_directory"], params["user"], params["rejoining"])
    deadline = time.monotonic() + params["wait"]
    while True:
        answer = cluster.observe()
        lack = missing(answer, params)
        if not lack or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    if lack and not module.check_mode:
        module.fail_json(msg="PostgreSQL is not as expected after %d s: %s" % (params["wait"], lack.strip()), **answer)
    answer["units"] = units(module, params["units"])
    answer["certificate"] = bool(params["certificate"] and os.path.exists(params["certificate"]))
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
