"""The steps of a planned change of the primary, as far as they decide and need no server."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
import types
import unittest
from unittest import mock

from infra_postgresql import failover, quorum, server, settings, switchover

CONTROL = """pg_control version number:            1300
Database system identifier:           7710920811946466827
Database cluster state:               %s
Latest checkpoint location:           0/193EB050
Latest checkpoint's REDO location:    0/193EB050
Latest checkpoint's TimeLineID:       3
"""


def made(directory="/nonexistent", number=1):
    """Return the settings of a node of three."""
    nodes = [{"number": 1, "name": "a", "address": "10.0.0.1", "instance_id": "i-1"},
             {"number": 2, "name": "b", "address": "10.0.0.2", "instance_id": "i-2"},
             {"number": 3, "name": "w", "address": "10.0.0.3", "role": "witness", "instance_id": "i-3"}]
    return settings.decode({
        "cluster": "c", "region": "r", "number": number, "name": nodes[number - 1]["name"], "role": "primary", "version": "15",
        "data_directory": directory, "config_directory": directory, "bin_directory": directory, "nodes": nodes, "state_directory": directory})


def state(**changes):
    """Return the State of a primary."""
    fields = {"in_recovery": False, "read_only": False, "system_id": "7", "timeline": 3, "lsn": 100 << 20, "replayed": None,
              "receiver": None, "sender": None}
    return server.State(**{**fields, **changes})


class HandoverTest(unittest.TestCase):
    def test_refuses_what_would_wait(self):
        streaming = server.Replica("b", "streaming", "async", (100 << 20) - 5)
        for name, own, replicas, want in (
                ("ready", state(), [streaming], None),
                ("no primary", state(in_recovery=True), [streaming], "a is not the primary"),
                ("nobody streams", state(), [], "b does not stream from a"),
                ("catching up", state(), [server.Replica("b", "catchup", "async", 0)], "b does not stream from a"),
                ("another streams", state(), [server.Replica("z", "streaming", "async", 100 << 20)], "b does not stream from a"),
                ("behind", state(), [server.Replica("b", "streaming", "async", 50 << 20)], "b lags by 52428800 bytes, more than 16777216")):
            with self.subTest(name):
                if want is None:
                    switchover.refuse_handover(made(), made().named("b"), own, replicas)
                    continue
                with self.assertRaises(switchover.Refused) as raised:
                    switchover.refuse_handover(made(), made().named("b"), own, replicas)
                self.assertEqual(str(raised.exception), want)

    def test_only_to_another_node_with_data(self):
        self.assertEqual(switchover.other(made(), "b").number, 2)
        for name in ("a", "w", "nobody"):
            with self.subTest(name), self.assertRaises(switchover.Refused):
                switchover.other(made(), name)

    def test_end_of_the_wal(self):
        self.assertEqual(switchover.shut_down(CONTROL % "shut down"), ("0/193EB050", 3))
        for other in ("in production", "shutting down", "in crash recovery"):
            with self.subTest(other), self.assertRaises(OSError):
                switchover.shut_down(CONTROL % other)
        with self.assertRaises(OSError):
            switchover.shut_down("")

    def test_position(self):
        self.assertEqual(switchover.position("0/193EB050"), 0x193EB050)
        self.assertEqual(switchover.position("2/0"), 2 << 32)
        for wrong in ("", "x", "0/", "0-1"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                switchover.position(wrong)


class TakeoverTest(unittest.TestCase):
    def wait(self, *replayed):
        answers = iter(state(in_recovery=True, replayed=at) for at in replayed)
        with mock.patch.object(server, "state", lambda _: next(answers)), mock.patch.object(switchover.time, "sleep"):
            switchover.wait_for(None, 1000)

    def test_the_last_record_itself_must_be_replayed(self):
        self.wait(900, 1000, 1001)
        with mock.patch.object(switchover, "REPLAY_LIMIT", -1), self.assertRaises(switchover.Refused):
            self.wait(1000)


class DutyTest(unittest.TestCase):
    """Ends what an infra that died in the middle has left."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.settings = made(folder.name)
        self.context = types.SimpleNamespace(settings=self.settings, journal=mock.Mock())

    def left(self):
        return sorted(name for name in os.listdir(self.settings.state_directory) if name.endswith(".json"))

    def run_duty(self):
        with mock.patch.object(switchover, "resume_step") as resume, mock.patch.object(switchover, "set_paused") as paused:
            switchover.run(self.context)
        return resume.call_count, [call.args[1] for call in paused.call_args_list]

    def test_nothing_is_left(self):
        self.assertEqual(self.run_duty(), (0, []))

    def test_a_pause_ends(self):
        switchover.write(self.settings, "paused.json", {"until": time.time() + 100})
        self.assertEqual(self.run_duty(), (0, []))
        switchover.write(self.settings, "paused.json", {"until": time.time() - 1})
        self.assertEqual(self.run_duty(), (0, [False]))
        self.assertEqual(self.left(), [])

    def test_a_handover_that_nobody_took_over_is_resumed(self):
        switchover.write(self.settings, "handover.json", {"to": "b", "at": time.time(), "timeline": 3})
        self.assertEqual(self.run_duty(), (0, []))
        switchover.write(self.settings, "handover.json", {"to": "b", "at": time.time() - switchover.RESUME_AFTER - 1, "timeline": 3})
        self.assertEqual(self.run_duty(), (1, []))

    def test_a_node_that_became_a_standby_forgets(self):
        switchover.write(self.settings, "handover.json", {"to": "b", "at": 0, "timeline": 3})
        with open(os.path.join(self.settings.data_directory, "standby.signal"), "w", encoding="utf-8"):
            pass
        self.assertEqual(self.run_duty(), (0, []))
        self.assertEqual(self.left(), [])


class ResumeTest(unittest.TestCase):
    """The old primary is started again only while the standby is one and cannot take over."""

    def resume(self, lock, standby):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        own = made(folder.name)
        switchover.write(own, "handover.json", {"to": "b", "at": 0, "timeline": 3})
        with mock.patch.object(server, "connect", lambda *_, **__: contextlib.nullcontext()), \
                mock.patch.object(server, "rows", return_value=[(lock,)]), mock.patch.object(server, "state", return_value=standby), \
                mock.patch.object(server, "ask"), mock.patch.object(switchover, "start_server") as start:
            try:
                switchover.resume_step(own, None, mock.Mock())
            except switchover.Refused as error:
                return start.call_count, str(error)
        return start.call_count, ""

    def test_who_may_start(self):
        self.assertEqual(self.resume(True, state(in_recovery=True)), (1, ""))
        self.assertEqual(self.resume(False, state(in_recovery=True)), (0, "b is taking over"))
        self.assertEqual(self.resume(True, state()), (0, "b has taken over"))

    def test_nothing_was_handed_over(self):
        with self.assertRaises(switchover.Refused):
            switchover.resume_step(made("/nonexistent"), None, mock.Mock())


class CommandTest(unittest.TestCase):
    def call(self, step):
        out, problem = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(problem):
            code = switchover.command(step)(made(), argparse.Namespace())
        return code, out.getvalue(), problem.getvalue()

    def test_codes_and_streams(self):
        def refuse(*_):
            raise switchover.Refused("not now")

        def fail(*_):
            raise server.Unreachable("no answer")

        code, out, problem = self.call(lambda *_: {"timeline": 4})
        self.assertEqual((code, json.loads(out), problem), (0, {"timeline": 4}, ""))
        self.assertEqual(self.call(refuse), (3, "", "not now\n"))
        self.assertEqual(self.call(fail), (1, "", "no answer\n"))


class FailoverTest(unittest.TestCase):
    def attempt(self, *verdicts, struck=False):
        fence = mock.Mock(struck={"a": 1.0} if struck else {})
        fence.attempt.side_effect = [quorum.Verdict(*verdict) for verdict in verdicts]
        with mock.patch.object(failover.time, "sleep"):
            failover.stand_alone(fence, time.monotonic() - 1)
        return fence

    def test_it_gives_up_with_the_reason_and_nothing_done(self):
        for verdict, want in (((quorum.WAIT, "no quorum"), "no quorum"), ((quorum.WAIT,), "cloud's API"), ((quorum.CANCEL, "a answers"), "a answers")):
            with self.subTest(want), self.assertRaises(switchover.Refused) as raised:
                self.attempt(verdict)
            self.assertIn(want, str(raised.exception))

    def test_once_something_was_struck_it_goes_on(self):
        fence = self.attempt((quorum.WAIT, "until it is down"), (quorum.WAIT, "until it is down"), (quorum.GO,), struck=True)
        self.assertEqual(fence.attempt.call_count, 3)
        fence.cancel.assert_not_called()


if __name__ == "__main__":
    unittest.main()
