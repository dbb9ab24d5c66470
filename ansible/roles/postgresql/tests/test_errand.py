"""Errands: done by the agent where there is one, by the command itself where there is none."""

import threading
import time
import types
import unittest
from unittest import mock

import cluster
from infra_postgresql import agent, cloud, errand, journal


class Errands(unittest.TestCase):
    def setUp(self):
        self.settings, self.done = cluster.make(), []
        self.api = mock.Mock(spec=cloud.Cloud)
        self.context = agent.Context(self.settings, journal.Journal(self.settings), self.api, threading.Event())
        for target, name, stand_in in ((errand, "perform", self.perform), (journal.sys, "stderr", mock.Mock())):
            patch = mock.patch.object(target, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)
        self.code = 0

    def perform(self, _settings, _diary, api, name, told):
        self.done.append((name, told, api is self.api))
        if self.code is None:
            raise RuntimeError("broken")
        return self.code

    def serve(self):
        thread = threading.Thread(target=errand.run, args=(self.context,), daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.context.stopping.set)
        deadline = time.monotonic() + 60
        while errand.ask(self.settings, "ready", []) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.done.clear()

    def fence(self):
        return errand.fence(self.settings, types.SimpleNamespace(told=["2", "2"]))

    def test_by_the_agent(self):
        self.serve()
        for code in (0, 1):
            self.code = code
            self.assertEqual(self.fence(), code)
        self.assertEqual(self.done, [("fence", ["2", "2"], True)] * 2)
        self.assertEqual(errand.promote(self.settings, None), 1)

    def test_without_an_agent(self):
        self.assertEqual(self.fence(), 0)
        self.assertEqual(self.done, [("fence", ["2", "2"], False)])

    def test_an_agent_that_fails_leaves_it_to_the_command(self):
        self.serve()
        self.code = None
        with self.assertRaises(RuntimeError):
            self.fence()
        self.assertEqual([by_agent for _, _, by_agent in self.done], [True, False])

    def test_the_api_is_kept_warm(self):
        self.serve()
        deadline = time.monotonic() + 60
        while not self.api.instances.called and time.monotonic() < deadline:
            time.sleep(0.02)
        self.api.instances.assert_called()


if __name__ == "__main__":
    unittest.main()
