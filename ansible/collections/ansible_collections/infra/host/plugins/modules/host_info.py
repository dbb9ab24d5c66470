#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the roles need to know of a host before they change it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Tell which packages and files a host lacks, how much memory it has and whether it is a container
version_added: 1.0.0
description:
  - Asks dpkg and systemd-detect-virt. Costs a tenth of gathering facts or of opening apt's cache.
options:
  packages:
    description: Names of packages to look for.
    type: list
    elements: str
    default: []
  paths:
    description: Paths to look for.
    type: list
    elements: path
    default: []
author:
  - infra
"""

EXAMPLES = r"""
- name: Look at the host
  infra.host.host_info:
    packages: [chrony]
"""

RETURN = r"""
container:
  description: Kind of container, empty on a machine with a kernel of its own.
  returned: always
  type: str
memory_mb:
  description: Memory of the host, MiB.
  returned: always
  type: int
absent:
  description: Those of the paths that do not exist, in the order given.
  returned: always
  type: list
  elements: str
missing:
  description: Those of the packages that are not installed, in the order given.
  returned: always
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule


def installed(module, packages):
    """Return those of the packages that dpkg has wholly installed."""
    if not packages:
        return set()
    # dpkg-query fails when it does not know one of them, and answers for the others.
    dummy, out, dummy = module.run_command(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n"] + packages)
    return {line.split()[0] for line in out.splitlines() if line.endswith(" installed")}


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"packages": {"type": "list", "elements": "str", "default": []},
                       "paths": {"type": "list", "elements": "path", "default": []}},
        supports_check_mode=True)
    packages = module.params["packages"]
    present = installed(module, packages)
    dummy, out, dummy = module.run_command(["systemd-detect-virt", "--container"])
    kind = out.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    module.exit_json(changed=False, container="" if kind == "none" else kind, memory_mb=memory >> 20,
                     missing=[name for name in packages if name not in present],
                     absent=[path for path in module.params["paths"] if not os.path.lexists(path)])


if __name__ == "__main__":
    main()
