#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several systemd units in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Run several systemd units, now and at boot
version_added: 1.0.0
description:
  - Enables and starts units, restarts those that must read something anew, and changes only what differs.
  - One task of this module replaces a task of M(ansible.builtin.systemd_service) per unit, each of which costs a round trip
    and up to five calls of systemctl.
options:
  units:
    description: Names of the units, with their suffix.
    type: list
    elements: str
    required: true
  restart:
    description: Those of O(units) that are restarted if they run.
    type: list
    elements: str
    default: []
  daemon_reload:
    description: Whether files of units have changed since systemd read them.
    type: bool
    default: false
author:
  - infra
"""

EXAMPLES = r"""
- name: Run the thing and its timer
  infra.host.units:
    units: [thing.service, thing.timer]
    restart: "{{ ['thing.service'] if _thing_written is changed else [] }}"
    daemon_reload: "{{ _thing_written is changed }}"
"""

RETURN = r"""
changed_units:
  description: Units that were enabled, started or restarted, in the order of the list.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule


def look(module, names):
    """Return for each unit its properties, and fail when systemd does not know it."""
    found = {}
    code, out, err = module.run_command(["systemctl", "show", "--property=ActiveState,LoadState,UnitFileState"] + names)
    if code != 0:
        module.fail_json(msg="systemctl show %s: %s" % (" ".join(names), (err or out).strip()))
    for name, block in zip(names, out.split("\n\n")):
        found[name] = dict(line.split("=", 1) for line in block.split())
    return found


def runs(unit):
    """Tell whether a unit runs, or is about to: one that systemd will start again is not started by hand."""
    return unit["ActiveState"] in ("active", "activating", "reloading")


def systemctl(module, verb, names):
    """Have systemctl do something to the units, if there are any."""
    if not names or module.check_mode:
        return
    code, out, err = module.run_command(["systemctl", verb] + names)
    if code != 0:
        module.fail_json(msg="systemctl %s %s: %s" % (verb, " ".join(names), (err or out).strip()))


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "required": True},
            "restart": {"type": "list", "elements": "str", "default": []},
            "daemon_reload": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    names, again = module.params["units"], module.params["restart"]
    unknown = [name for name in again if name not in names]
    if unknown:
        module.fail_json(msg="restart names what units does not: %s" % ", ".join(unknown))
    if module.params["daemon_reload"] and not module.check_mode:
        code, out, err = module.run_command(["systemctl", "daemon-reload"])
        if code != 0:
            module.fail_json(msg="systemctl daemon-reload: %s" % (err or out).strip())
    units = look(module, names)
    if not module.check_mode:
        for name in names:
            if units[name]["LoadState"] != "loaded":
                module.fail_json(msg="%s: systemd says that it is %s" % (name, units[name]["LoadState"]))

    enable = [name for name in names if units[name].get("UnitFileState") != "enabled"]
    restart = [name for name in again if runs(units[name])]
    start = [name for name in names if not runs(units[name])]
    systemctl(module, "enable", enable)
    systemctl(module, "restart", restart)
    systemctl(module, "start", start)
    changed = [name for name in names if name in enable + restart + start]
    module.exit_json(changed=bool(changed), changed_units=changed)


if __name__ == "__main__":
    main()
