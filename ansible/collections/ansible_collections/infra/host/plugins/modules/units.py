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


def parse(names, text):
    """Return the properties of each unit, of what systemctl show printed."""
    return {name: dict(line.split("=", 1) for line in block.split()) for name, block in zip(names, text.split("\n\n"))}


def runs(unit):
    """Tell whether a unit runs, or is about to: one that systemd will start again is not started by hand."""
    return unit["ActiveState"] in ("active", "activating", "reloading")


def wanting(units, again):
    """Return what is to be done, verb to units: those in again have something to read anew."""
    return {
        "enable": [name for name, unit in units.items() if unit.get("UnitFileState") != "enabled"],
        "restart": [name for name in units if name in again and runs(units[name])],
        "start": [name for name, unit in units.items() if not runs(unit)],
    }


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

    def systemctl(*arguments):
        code, out, err = module.run_command(["systemctl"] + list(arguments))
        if code != 0:
            module.fail_json(msg="systemctl %s: %s" % (" ".join(arguments), (err or out).strip()))
        return out

    names, again = module.params["units"], module.params["restart"]
    unknown = [name for name in again if name not in names]
    if unknown:
        module.fail_json(msg="restart names what units does not: %s" % ", ".join(unknown))
    if module.params["daemon_reload"] and not module.check_mode:
        systemctl("daemon-reload")
    units = parse(names, systemctl("show", "--property=ActiveState,LoadState,UnitFileState", *names))
    absent = [name for name in names if units[name]["LoadState"] != "loaded"]
    if absent and not module.check_mode:  # a check sees no file that the run would have written
        module.fail_json(msg="systemd has not loaded %s: it is %s" % (absent[0], units[absent[0]]["LoadState"]))
    todo = wanting(units, again)
    for verb, those in todo.items():
        if those and not module.check_mode:
            systemctl(verb, *those)
    changed = [name for name in names if any(name in those for those in todo.values())]
    module.exit_json(changed=bool(changed), changed_units=changed)


if __name__ == "__main__":
    main()
