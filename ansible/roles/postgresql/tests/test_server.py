"""How the program connects."""

import contextlib
import sys
import types
import unittest
from unittest import mock

import cluster
from infra_postgresql import server


class Connect(unittest.TestCase):
    def arguments(self, node=None):
        """Return what a connection is asked for with."""
        asked = {}

        def connect(**arguments):
            asked.update(arguments)
            return mock.Mock()

        library = types.SimpleNamespace(connect=connect, Error=Exception, extensions=types.SimpleNamespace(set_wait_callback=lambda _: None))
        with mock.patch.dict(sys.modules, {"psycopg2": library, "psycopg2.extensions": library.extensions}), \
                contextlib.ExitStack() as stack:
            stack.enter_context(server.connect(cluster.make(), node))
        return asked

    def test_never_waits_for_a_standby(self):
        # A promotion whose own bookkeeping waited for a standby that waited for the promotion took 27 s.
        settings = cluster.make()
        for node in (None, settings.node(1)):
            self.assertEqual(self.arguments(node)["options"], "-c synchronous_commit=local")

    def test_others_by_tls(self):
        self.assertEqual(self.arguments(cluster.make().node(1))["sslmode"], "require")


class Timeline(unittest.TestCase):
    def test_a_checkpoint_where_the_old_one_is_recorded(self):
        for recorded, wanted in ((1, ["CHECKPOINT"]), (2, [])):
            said = []

            def rows(_connection, statement, recorded=recorded, said=said):
                if statement.startswith("SELECT"):
                    return [(recorded,)]
                said.append(statement)
                return []

            with mock.patch.object(server, "rows", rows):
                self.assertEqual(server.record_timeline(None, 2), recorded != 2)
            self.assertEqual(said, wanted)


if __name__ == "__main__":
    unittest.main()
