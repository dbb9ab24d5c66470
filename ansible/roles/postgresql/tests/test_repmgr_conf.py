"""What in repmgr's configuration kept failovers from happening, so that it does not come back."""

import pathlib
import re
import unittest

TEMPLATE = pathlib.Path(__file__).parent.parent / "templates" / "repmgr.conf.j2"


class Configuration(unittest.TestCase):
    def setUp(self):
        self.values = dict(re.findall(r"^(\w+)='?(.*?)'?$", TEMPLATE.read_text(encoding="utf-8"), re.MULTILINE))

    def test_one_location_for_all(self):
        """With a location a zone, repmgrd saw "no nodes from the primary location" and called off every election."""
        self.assertEqual(self.values["location"], "default")

    def test_nothing_is_promoted_without_the_fence(self):
        self.assertRegex(self.values["failover_validation_command"], r"/infra-postgresql fence %n %v %u %t$")
        self.assertRegex(self.values["promote_command"], r"/infra-postgresql promote$")
        self.assertEqual(self.values["always_promote"], "false")

    def test_repmgrd_is_the_first_to_begin(self):
        """Its usual attempts end before the backstop of the agent is far behind."""
        self.assertLessEqual(int(self.values["reconnect_attempts"]) * int(self.values["reconnect_interval"]), 6)


if __name__ == "__main__":
    unittest.main()
