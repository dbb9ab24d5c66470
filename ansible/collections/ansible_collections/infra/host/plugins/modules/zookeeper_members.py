#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes of a ZooKeeper ensemble's membership, one server at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: zookeeper_members
short_description: Take servers out of a ZooKeeper ensemble and take them in
version_added: 1.0.0
description:
  - Run on a server that is in service, it brings the membership to what is wanted, one server at a time, each by a reconfiguration of its own.
  - A member is taken out when its address is not wanted any more, or when the server there no longer holds that member's data.
  - Servers that are wanted and are no members are not taken in by themselves, for they must have the data first. They are returned with
    an id above all that are known, and are taken in one by one with O(add).
  - ZooKeeper itself refuses a membership of which no majority is in service.
options:
  wanted:
    description: All servers that the ensemble shall have.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: Address that the others reach it by.
        type: str
        required: true
      id:
        description: Id under which its data were made; 0 when it holds none.
        type: int
        required: true
  add:
    description: Servers to take in as voters; each must be in service and have the data. With it nothing else is done.
    type: list
    elements: dict
    suboptions:
      address:
        description: Address that the others reach it by.
        type: str
        required: true
      id:
        description: Its id.
        type: int
        required: true
  port:
    description: Client port.
    type: int
    default: 2181
  password_file:
    description: File with the password of the superuser.
    type: path
    required: true
  wait:
    description: Seconds for one change of the membership.
    type: int
    default: 60
author:
  - infra
"""

EXAMPLES = r"""
- name: Take out servers that are gone
  infra.host.zookeeper_members:
    wanted:
      - {address: 10.0.0.21, id: 1}
      - {address: 10.0.0.22, id: 0}
    password_file: /etc/zookeeper/superuser/password
"""

RETURN = r"""
removed:
  description: Ids of the members that were taken out.
  returned: always
  type: list
  elements: int
added:
  description: Ids of the members that were taken in.
  returned: always
  type: list
  elements: int
joining:
  description: Servers that are wanted and are no members yet, each with the address and the id that it is to have.
  returned: always
  type: list
  elements: dict
members:
  description: Membership at the end, id to "address:port:port:role;client".
  returned: always
  type: dict
"""

import itertools
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.infra.host.plugins.module_utils import zookeeper


def address(value):
    """Return the address of a member, of "address:port:port:role;client"."""
    return value.split(":", 1)[0]


def surplus(members, wanted):
    """Return the ids of the members that are not wanted, or whose data are gone, the highest first."""
    holds = {server["address"]: server["id"] for server in wanted}
    return sorted((number for number, value in members.items() if holds.get(address(value)) != number), reverse=True)


def joining(members, wanted, used=()):
    """Return the wanted servers that are no members, each with an id above all that are known."""
    known = {address(value) for value in members.values()}
    taken = {*members, *used, *(server["id"] for server in wanted)}
    # An id is at most 255. Those that were used long ago come again when no higher one is left.
    free = (n for n in itertools.chain(range(max(taken, default=0) + 1, 256), range(1, 256)) if n not in taken)
    return [{"address": server["address"], "id": next(free)} for server in wanted if server["address"] not in known]


class Unknown(Exception):
    """The membership cannot be asked: nothing may be concluded, least of all that a server is no member."""


class Ensemble:
    """The ensemble by way of the server on this host, as the superuser."""

    def __init__(self, port, password_file, wait):
        self.port = port
        self.password_file = password_file
        self.wait = wait

    def members(self):
        """Return the membership that the server goes by, empty while it is not in service, as between two leaders."""
        return zookeeper.members(self.port)

    def known(self):
        """Wait for the membership."""
        deadline = time.monotonic() + self.wait
        while True:
            now = self.members()
            if now:
                return now
            if time.monotonic() > deadline:
                raise Unknown("the server on this host is not in service: its membership cannot be asked")
            time.sleep(1)

    def reconfigure(self, **change):
        """Ask for one change; return why it was refused or not answered, and whether asking again is of no use."""
        from kazoo import exceptions
        from kazoo.handlers.threading import KazooTimeoutError

        try:
            with zookeeper.superuser(self.port, zookeeper.read(self.password_file)) as connection:
                connection.reconfig(new_members=None, **change)
        except (exceptions.KazooException, KazooTimeoutError) as error:
            return "%s: %s" % (type(error).__name__, error), isinstance(error, (exceptions.NoAuthError, exceptions.BadArgumentsError))
        return "", False

    def change(self, what, done, **change):
        """Make one change and wait until the server goes by it. Whoever loses the leader on the way asks again."""
        deadline = time.monotonic() + self.wait
        problem, hopeless = "no answer", False
        while True:
            now = self.members()
            if now and done(now):
                return
            if hopeless or time.monotonic() > deadline:
                raise Unknown("%s: the ensemble did not change its membership within %d s: %s" % (what, self.wait, problem))
            if now:
                problem, hopeless = self.reconfigure(**change)
            time.sleep(1 if problem else 0.1)  # a change that was answered is made


def bring(ensemble, wanted, add, looking=False):
    """Bring the membership to what is wanted, or only tell what would be done; return the module's result."""
    before = ensemble.known()
    gone = [] if add else surplus(before, wanted)
    if len(gone) == len(before):
        raise Unknown("no member of the ensemble would be left: %s" % ", ".join(before.values()))
    new = [one for one in add if one["id"] not in before]
    if not looking:
        for number in gone:
            ensemble.change("take out server %d" % number, lambda now, number=number: number not in now, joining=None, leaving=str(number))
        for one in new:
            text = "server.%d=%s:2888:3888:participant;0.0.0.0:%d" % (one["id"], one["address"], ensemble.port)
            ensemble.change("take in server %d" % one["id"], lambda now, number=one["id"]: number in now, joining=text, leaving=None)
    after = {number: value for number, value in before.items() if number not in gone} if looking else ensemble.known()
    return {"changed": bool(gone or new), "removed": gone, "added": [one["id"] for one in new],
            "joining": joining(after, wanted, used=before), "members": after}


def main():
    """Run the module."""
    server = {"address": {"type": "str", "required": True}, "id": {"type": "int", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "dict", "required": True, "options": server},
            "add": {"type": "list", "elements": "dict", "options": server},
            "port": {"type": "int", "default": 2181},
            "password_file": {"type": "path", "required": True, "no_log": False},
            "wait": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    ensemble = Ensemble(params["port"], params["password_file"], params["wait"])
    try:
        module.exit_json(**bring(ensemble, params["wanted"], params["add"] or [], module.check_mode))
    except Unknown as problem:
        module.fail_json(msg=str(problem))


if __name__ == "__main__":
    main()
