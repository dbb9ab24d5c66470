#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restart of the ZooKeeper server on this host, gated on the health of the ensemble."""

from __future__ import annotations

DOCUMENTATION = r"""
module: zookeeper_restart
short_description: Restart the local ZooKeeper server when the ensemble can spare it
version_added: 1.0.0
description:
  - Refuses unless the server is in service, and, when it leads, unless every other member is in step with it.
  - Restarts the unit and waits until the server is in service again, which for a follower means that it is in step with the leader.
  - Then a client of the server writes, into a node of ZooKeeper's own and what is there already.
options:
  name:
    description: Name of the host, for messages.
    type: str
    required: true
  unit:
    description: Systemd unit of the server.
    type: str
    default: zookeeper.service
  port:
    description: Client port on 127.0.0.1.
    type: int
    default: 2181
  members:
    description: Number of members of the ensemble.
    type: int
    required: true
  password_file:
    description: File with the password of the superuser, who makes a write after the restart. Without it no write is made.
    type: path
  wait:
    description: Seconds to wait for the server to be fit before, and back in service after.
    type: int
    default: 60
author:
  - infra
"""

EXAMPLES = r"""
- name: Restart this server
  infra.host.zookeeper_restart:
    name: zookeeper-1
    members: 3
"""

RETURN = r"""
mode:
  description: What the server is after the restart.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.infra.host.plugins.module_utils import zookeeper


def state(port, others):
    """Return the server's mode and whether it can be spared."""
    status = zookeeper.fields(zookeeper.four_letter("mntr", port), "\t")
    mode = status.get("zk_server_state", "")
    synced = zookeeper.synced(status)
    return {"mode": mode, "synced": synced, "ok": mode in zookeeper.SERVING and (mode != "leader" or synced >= others)}


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "unit": {"type": "str", "default": "zookeeper.service"},
            "port": {"type": "int", "default": 2181},
            "members": {"type": "int", "required": True},
            "password_file": {"type": "path", "no_log": False},
            "wait": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    others = params["members"] - 1
    before = zookeeper.wait_for(lambda: state(params["port"], others), params["wait"])
    if not before["ok"]:
        module.fail_json(msg="%s is not restarted: it is %s with %d of %d followers in step" % (
            params["name"], before["mode"] or "not in service", before["synced"], others))
    if module.check_mode:
        module.exit_json(changed=True, mode=before["mode"])
    code, out, err = module.run_command(["systemctl", "restart", params["unit"]])
    if code != 0:
        module.fail_json(msg="%s: restart of %s: %s" % (params["name"], params["unit"], (err or out).strip()))
    after = zookeeper.wait_for(lambda: state(params["port"], 0), params["wait"])
    if not after["ok"]:
        module.fail_json(msg="%s did not come back into service within %d s of its restart; look at journalctl -u %s" % (
            params["name"], params["wait"], params["unit"]))
    if params["password_file"]:
        problem = zookeeper.write(params["port"], zookeeper.read(params["password_file"]), params["wait"])
        if problem:
            module.fail_json(msg="%s is in service after its restart, and takes no write: %s" % (params["name"], problem))
    module.exit_json(changed=True, mode=after["mode"])


if __name__ == "__main__":
    main()
