#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the ZooKeeper server on this host is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: zookeeper_info
short_description: Ask the local ZooKeeper server what it is
version_added: 1.0.0
description:
  - Asks the server on this host by four-letter words, systemd for its unit and the process for the revision it was started with.
options:
  unit:
    description: Systemd unit of the server.
    type: str
    default: zookeeper.service
  port:
    description: Client port on 127.0.0.1.
    type: int
    default: 2181
  data_directory:
    description: Where snapshots are.
    type: path
    required: true
  log_directory:
    description: Where transaction logs are.
    type: path
    required: true
  revision:
    description: Revision that a server started now would run with; another one in the running process means that a restart is pending.
    type: str
  certificate:
    description: File with the certificate that the server shows to the others.
    type: path
  trusted:
    description: File with the certificates of the servers that this one trusts.
    type: path
  expect_serving:
    description: Whether to wait until the server is in service. That it is not is no failure.
    type: bool
    default: false
  expect_members:
    description: Ids that must all be members. When given, the server must be in service with exactly these, all in step with it when it leads.
    type: list
    elements: int
  wait:
    description: Seconds to wait for O(expect_members) or O(expect_serving) to come true.
    type: int
    default: 0
author:
  - infra
"""

EXAMPLES = r"""
- name: Wait for the quorum
  infra.host.zookeeper_info:
    data_directory: /srv/zookeeper/data
    log_directory: /srv/zookeeper/log
    expect_members: [1, 2, 3]
    wait: 60
"""

RETURN = r"""
mode:
  description: V(leader), V(follower), V(observer), V(standalone), or empty while not in service.
  returned: always
  type: str
members:
  description: Membership that the server goes by, id to "address:port:port:role;client".
  returned: always
  type: dict
synced_followers:
  description: Followers in step with this server; 0 unless it leads.
  returned: always
  type: int
active:
  description: Whether the unit is active.
  returned: always
  type: bool
enabled:
  description: Whether the unit starts at boot.
  returned: always
  type: bool
id:
  description: Id under which the server's data were made; 0 when it holds none, or not all of them.
  returned: always
  type: int
certificate:
  description: The certificate that the server shows to the others, as PEM; empty when it has none, or one that ends within 30 days.
  returned: always
  type: str
restart_pending:
  description: Whether the running process has another revision than the configuration.
  returned: always
  type: bool
trusted:
  description: The certificates of O(trusted), each as PEM.
  returned: always
  type: list
  elements: str
msg:
  description: What was waited for in vain, and what the server was instead.
  returned: when it was not in service, or not with the expected members
  type: str
version:
  description: Version of the running server.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.infra.host.plugins.module_utils import zookeeper


def whole(state, expected):
    """Tell whether the server is in service with the expected members, and, when it leads, all of them in step."""
    if not state["mode"] or sorted(state["members"]) != sorted(expected):
        return False
    return state["mode"] != "leader" or state["synced_followers"] >= len(expected) - 1


def in_vain(params, state):
    """Say what was waited for, and what the server was instead."""
    expected = params["expect_members"]
    return "ZooKeeper is not in service%s after %d s: unit %s, mode %s, members %s, followers in step %d; look at journalctl -u %s" % (
        "" if expected is None else " with members %s" % sorted(expected), params["wait"], "active" if state["active"] else "not active",
        state["mode"] or "none", sorted(state["members"]), state["synced_followers"], params["unit"])


def valid(module, path):
    """Return the certificate in a file, empty when there is none or it is about to expire."""
    month = 30 * 24 * 3600
    code, dummy, dummy = module.run_command(["openssl", "x509", "-in", path, "-noout", "-checkend", str(month)])
    return zookeeper.read(path) if code == 0 else ""


def certificates(path):
    """Return the certificates in a file, each as PEM."""
    end = "-----END CERTIFICATE-----"
    return [part.strip() + "\n" + end for part in zookeeper.read(path).split(end) if part.strip()]


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "default": "zookeeper.service"},
            "port": {"type": "int", "default": 2181},
            "data_directory": {"type": "path", "required": True},
            "log_directory": {"type": "path", "required": True},
            "revision": {"type": "str"},
            "certificate": {"type": "path"},
            "trusted": {"type": "path"},
            "expect_serving": {"type": "bool", "default": False},
            "expect_members": {"type": "list", "elements": "int"},
            "wait": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    expected = params["expect_members"]

    def question():
        state = zookeeper.observe(module, params["unit"], params["port"], params["revision"],
                                  params["data_directory"], params["log_directory"])
        state["certificate"] = valid(module, params["certificate"]) if params["certificate"] else ""
        state["trusted"] = certificates(params["trusted"]) if params["trusted"] else []
        state["ok"] = whole(state, expected) if expected is not None else bool(state["mode"]) or not params["expect_serving"]
        return state

    state = zookeeper.wait_for(question, params["wait"])
    if not state.pop("ok"):
        # Also without a failure, for tasks that decide themselves what fails: Ansible has no other words for theirs.
        state["msg"] = in_vain(params, state)
        if not module.check_mode and not params["expect_serving"]:
            module.fail_json(**state)
    module.exit_json(changed=False, **state)


if __name__ == "__main__":
    main()
