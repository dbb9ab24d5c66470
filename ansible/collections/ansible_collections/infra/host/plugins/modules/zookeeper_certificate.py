#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key and certificate by which the other ZooKeeper servers know this one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: zookeeper_certificate
short_description: Make a key and a certificate for a ZooKeeper server
version_added: 1.0.0
description:
  - Makes a key of the curve P-256 and a certificate that it signs itself, for an address and a name. The key never leaves the host.
  - No two certificates have the same subject, also not those of one name. ZooKeeper keeps the ones that it trusts by their subjects, so
    that of a host and that of its predecessor would displace each other.
  - They replace what is there. V(server.pem) has both, for the server; V(certificate.pem) has the certificate alone, for the others.
options:
  directory:
    description: Where the files go; it is made when it is missing.
    type: path
    required: true
  name:
    description: Name of the host.
    type: str
    required: true
  address:
    description: Address that the others reach it by.
    type: str
    required: true
  days:
    description: How long the certificate is valid.
    type: int
    default: 3650
  group:
    description: Group that may read the key.
    type: str
    default: zookeeper
author:
  - infra
"""

EXAMPLES = r"""
- name: Make a key and a certificate
  infra.host.zookeeper_certificate:
    directory: /etc/zookeeper/tls
    name: zookeeper-1.example.internal
    address: 10.0.0.21
"""

RETURN = r"""
certificate:
  description: The certificate as PEM.
  returned: always
  type: str
"""

import os
import secrets
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule


def make(module, folder):
    """Make both in a folder and return the key and the certificate."""
    params = module.params
    key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
    module.run_command(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", str(params["days"]),
         "-subj", "/CN=%s/serialNumber=%s" % (params["name"], secrets.token_hex(16)), "-addext", "subjectAltName=DNS:%s,IP:%s" % (params["name"], params["address"]),
         "-keyout", key, "-out", certificate], check_rc=True)
    texts = []
    for path in (key, certificate):
        with open(path, encoding="ascii") as stream:
            texts.append(stream.read())
    return texts


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "days": {"type": "int", "default": 3650},
            "group": {"type": "str", "default": "zookeeper"},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, certificate="")
    params = module.params
    os.makedirs(params["directory"], mode=0o750, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=params["directory"]) as folder:  # of mode 0700
        key, certificate = make(module, folder)
        for name, text, mode in (("server.pem", key + certificate, 0o640), ("certificate.pem", certificate, 0o644)):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
                stream.write(text)
            shutil.chown(path, group=params["group"])
            os.chmod(path, mode)
            os.replace(path, os.path.join(params["directory"], name))
    module.exit_json(changed=True, certificate=certificate)


if __name__ == "__main__":
    main()
