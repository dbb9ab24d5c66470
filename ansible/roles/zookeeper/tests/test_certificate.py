"""What the other servers know a server by."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import tempfile
import types
import unittest

MODULE = pathlib.Path(__file__).resolve().parents[3] / "collections/ansible_collections/infra/host/plugins/modules/zookeeper_certificate.py"
SPEC = importlib.util.spec_from_file_location("zookeeper_certificate", MODULE)
CERTIFICATE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(CERTIFICATE)


def run(arguments, check_rc):
    """Run a program as AnsibleModule does."""
    done = subprocess.run(arguments, check=check_rc, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def made(name):
    """Return the certificate that the module makes."""
    module = types.SimpleNamespace(params={"name": name, "address": "10.0.0.21", "days": 10}, run_command=run)
    with tempfile.TemporaryDirectory() as folder:
        return CERTIFICATE.make(module, folder)[1]


def shown(certificate, *what):
    """Return what openssl says of a certificate."""
    return subprocess.run(["openssl", "x509", "-noout", *what], check=True, capture_output=True, text=True, input=certificate).stdout


class Certificate(unittest.TestCase):
    def test_a_successor_does_not_displace_its_predecessor(self):
        # PemReader.loadTrustStore of ZooKeeper files certificates by subject: of two with one subject it trusts the last.
        first, second = made("zookeeper-2.example.internal"), made("zookeeper-2.example.internal")
        self.assertNotEqual(shown(first, "-subject"), shown(second, "-subject"))

    def test_it_is_of_its_name_and_address(self):
        names = shown(made("zookeeper-2.example.internal"), "-ext", "subjectAltName")
        self.assertIn("DNS:zookeeper-2.example.internal", names)
        self.assertIn("IP Address:10.0.0.21", names)


if __name__ == "__main__":
    unittest.main()
