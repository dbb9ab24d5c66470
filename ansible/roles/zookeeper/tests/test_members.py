"""Who is taken out and who is taken in."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import types
import unittest
from unittest import mock

PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "collections/ansible_collections/infra/host/plugins"


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def collection():
    """Make the collection's own names importable, as Ansible does."""
    name = "ansible_collections.infra.host.plugins.module_utils"
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(parts[end - 1]))
    utils = load(name + ".zookeeper", PLUGINS / "module_utils/zookeeper.py")
    sys.modules[name].zookeeper = sys.modules[name + ".zookeeper"] = utils
    return utils, load("zookeeper_members", PLUGINS / "modules/zookeeper_members.py")


UTILS, MEMBERS = collection()


def member(number):
    return "10.0.0.%d:2888:3888:participant;0.0.0.0:2181" % number


def wanted(**holds):
    """Servers at 10.0.0.N that hold the data of a member, host=id."""
    return [{"address": "10.0.0." + host.removeprefix("h"), "id": held} for host, held in holds.items()]


THREE = {1: member(1), 2: member(2), 3: member(3)}


class Membership(unittest.TestCase):
    def test_nothing_to_do(self):
        servers = wanted(h1=1, h2=2, h3=3)
        self.assertEqual(MEMBERS.surplus(THREE, servers), [])
        self.assertEqual(MEMBERS.joining(THREE, servers), [])

    def test_grow(self):
        servers = wanted(h1=1, h2=0, h3=0)
        self.assertEqual(MEMBERS.surplus({1: member(1)}, servers), [])
        self.assertEqual(MEMBERS.joining({1: member(1)}, servers), [{"address": "10.0.0.2", "id": 2}, {"address": "10.0.0.3", "id": 3}])

    def test_shrink_the_highest_first(self):
        self.assertEqual(MEMBERS.surplus(THREE, wanted(h1=1)), [3, 2])

    def test_replaced_under_a_new_id(self):
        servers = wanted(h1=1, h2=0, h3=3)
        self.assertEqual(MEMBERS.surplus(THREE, servers), [2])
        left = {1: member(1), 3: member(3)}
        self.assertEqual(MEMBERS.joining(left, servers, used=THREE), [{"address": "10.0.0.2", "id": 4}])

    def test_the_highest_id_does_not_come_again(self):
        left = {1: member(1), 2: member(2)}
        self.assertEqual(MEMBERS.joining(left, wanted(h1=1, h2=2, h3=0), used=THREE), [{"address": "10.0.0.3", "id": 4}])

    def test_a_removed_member_with_old_data_joins_anew(self):
        left = {1: member(1), 2: member(2)}
        self.assertEqual(MEMBERS.joining(left, wanted(h1=1, h2=2, h3=3)), [{"address": "10.0.0.3", "id": 4}])

    def test_ids_end_at_255(self):
        got = MEMBERS.joining({254: member(1), 255: member(2)}, wanted(h1=254, h2=255, h3=0))
        self.assertEqual(got, [{"address": "10.0.0.3", "id": 1}])


class Fake(MEMBERS.Ensemble):
    """An ensemble whose server is silent for a while after every change, as between two leaders."""

    def __init__(self, members, silent=2, refuses=False):
        super().__init__(2181, "/nowhere", 5)
        self.now, self.silent, self.left, self.refuses, self.asked = dict(members), silent, 0, refuses, []

    def members(self):
        if self.left > 0:
            self.left -= 1
            return {}
        return dict(self.now)

    def reconfigure(self, joining=None, leaving=None):
        self.asked.append(joining or leaving)
        if self.refuses:
            return "NoAuthError: ", True
        if leaving:
            self.now.pop(int(leaving), None)
        if joining:
            number, value = joining.removeprefix("server.").split("=", 1)
            self.now[int(number)] = value
        self.left = self.silent
        return "ConnectionLoss: ", False


class Bring(unittest.TestCase):
    def setUp(self):
        clock = [0.0]
        patches = [mock.patch.object(MEMBERS.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds)),
                   mock.patch.object(MEMBERS.time, "monotonic", lambda: clock[0])]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def test_the_leader_leaves(self):
        fake = Fake(THREE)
        got = MEMBERS.bring(fake, wanted(h1=1), [])
        self.assertEqual((got["removed"], got["joining"], list(got["members"])), ([3, 2], [], [1]))
        self.assertEqual(fake.asked, ["3", "2"])

    def test_a_silent_server_makes_nobody_a_stranger(self):
        fake = Fake(THREE, silent=100)
        with self.assertRaises(MEMBERS.Unknown):
            MEMBERS.bring(fake, wanted(h1=1), [])
        fake = Fake(THREE)
        fake.left = 100
        with self.assertRaises(MEMBERS.Unknown):
            MEMBERS.bring(fake, wanted(h1=1, h2=2, h3=3), [])
        self.assertEqual(fake.asked, [])

    def test_somebody_stays(self):
        with self.assertRaises(MEMBERS.Unknown):
            MEMBERS.bring(Fake(THREE), wanted(h1=0, h2=0, h3=0), [])

    def test_add(self):
        got = MEMBERS.bring(Fake(THREE), wanted(h1=1, h2=2, h3=3, h4=0), [{"address": "10.0.0.4", "id": 4}])
        self.assertEqual((got["added"], got["removed"], sorted(got["members"])), ([4], [], [1, 2, 3, 4]))

    def test_refused(self):
        fake = Fake(THREE, refuses=True)
        with self.assertRaisesRegex(MEMBERS.Unknown, "take out server 3: .*NoAuthError"):
            MEMBERS.bring(fake, wanted(h1=1, h2=2), [])
        self.assertEqual(len(fake.asked), 1)

    def test_looking_changes_nothing(self):
        fake = Fake(THREE)
        got = MEMBERS.bring(fake, wanted(h1=1, h2=0, h3=3), [], looking=True)
        self.assertEqual((got["removed"], got["joining"], fake.asked), ([2], [{"address": "10.0.0.2", "id": 4}], []))


class Identity(unittest.TestCase):
    def setUp(self):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.data, self.log = (pathlib.Path(self.folder.name, name) for name in ("data", "log"))
        for path in (self.data, self.log):
            (path / "version-2").mkdir(parents=True)
            (path / "infra-member").write_text("3\n")
        (self.data / "version-2" / "snapshot.0").touch()
        (self.data / "conf").mkdir()
        (self.data / "conf" / "zoo.cfg").touch()

    def identity(self):
        return UTILS.identity(str(self.data), str(self.log))

    def test_whole(self):
        self.assertEqual(self.identity(), 3)

    def test_logs_of_nobody(self):
        (self.log / "infra-member").unlink()
        self.assertEqual(self.identity(), 0)

    def test_logs_of_another(self):
        (self.log / "infra-member").write_text("4\n")
        self.assertEqual(self.identity(), 0)

    def test_no_membership(self):
        (self.data / "conf" / "zoo.cfg").unlink()
        self.assertEqual(self.identity(), 0)

    def test_no_data(self):
        (self.data / "version-2" / "snapshot.0").unlink()
        self.assertEqual(self.identity(), 0)


if __name__ == "__main__":
    unittest.main()
