"""Which backup is made, and what is left behind when it fails."""

import os
import stat
import tempfile
import types
import unittest
from unittest import mock

from infra_postgresql import backup, journal, repository, server


def held(*backups):
    """Return a Repository of (kind, started, stopped)."""
    return repository.Repository(0, "ok", tuple(
        repository.Backup("%s-%d" % (kind, started), kind, started, stopped, 1, 1, False) for kind, started, stopped in backups))


class Decide(unittest.TestCase):
    def test_table(self):
        full = ("full", 1000, 1100)
        for name, wanted, repo, due, asked, want in (
            ("nothing yet", "diff", held(), 0, 50, "full"),
            ("the hourly one", "diff", held(full), 900, 2000, "diff"),
            ("the daily one", "full", held(full), 2000, 2000, "full"),
            ("a full one that failed is made up for", "diff", held(full, ("diff", 1500, 1510)), 1400, 2000, "full"),
            ("the full one was made by the differential's timer meanwhile", "full", held(full, ("full", 2001, 2100)), 2000, 2000, None),
            ("a full one was made while the differential waited", "diff", held(full, ("full", 2000, 2100)), 2000, 2000, None),
            ("only differentials are left", "diff", held(("diff", 1000, 1100)), 0, 2000, "full"),
        ):
            self.assertEqual(backup.decide(wanted, repo, due, asked), want, name)


class Node(unittest.TestCase):
    """A node with a state directory, a server that says what the test wants, and a pgBackRest that is a script."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory()) if hasattr(self, "enterContext") else self._folder()
        self.settings = types.SimpleNamespace(state_directory=self.folder, name="postgresql-1", stanza="main", repositories=1)
        self.diary = journal.Journal(self.settings)

    def _folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def program(self, text):
        path = os.path.join(self.folder, "pgbackrest")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return path

    def ask(self, in_recovery):
        return mock.patch.multiple(server, connect=mock.MagicMock(), record_timeline=mock.DEFAULT,
                                   state=mock.Mock(return_value=types.SimpleNamespace(in_recovery=in_recovery, timeline=3)))

    def events(self):
        return [entry["event"] for entry in self.diary.entries()]


class Make(Node):
    def test_failure_is_journaled_and_marked(self):
        code = backup.make(self.settings, self.diary, "full", program=self.program("echo '2026 P00  ERROR: [082]: WAL is missing'; exit 82\n"))
        self.assertEqual(code, 1)
        self.assertEqual(self.diary.last("backup_failed")["problem"], "[082]: WAL is missing")
        self.assertTrue(os.path.exists(repository.failure_mark(self.settings)))
        self.assertEqual(backup.make(self.settings, self.diary, "full", program=self.program("exit 0\n")), 0)
        self.assertEqual(self.events(), ["backup_begun", "backup_failed", "backup_begun", "backup_made"])

    def test_arguments(self):
        backup.make(self.settings, self.diary, "diff", 2, self.program('echo "$@" > "%s/words"\n' % self.folder))
        with open(os.path.join(self.folder, "words"), encoding="utf-8") as file:
            words = file.read().split()
        self.assertEqual((words[0], words[1], words[2], words[-1]), ("--stanza=main", "--repo=2", "--type=diff", "backup"))


class BackUp(Node):
    def test_a_standby_only_notes_what_is_due(self):
        with self.ask(True), mock.patch.object(repository, "read") as read:
            self.assertEqual(backup.back_up(self.settings, self.diary, "full"), 0)
            read.assert_not_called()
        self.assertGreater(backup.due(self.settings), 0)
        self.assertEqual(self.events(), [])

    def test_a_dead_server_is_not_the_one(self):
        with mock.patch.object(server, "connect", side_effect=server.Unreachable("no")):
            self.assertEqual(backup.back_up(self.settings, self.diary, "diff"), 0)
        self.assertEqual(self.events(), [])

    def test_storage_out_of_reach(self):
        options = types.SimpleNamespace(what="diff", check=False)
        with self.ask(False), mock.patch.object(repository, "read", side_effect=repository.RepositoryError("no route")):
            self.assertEqual(backup.main(self.settings, options), 1)
        self.assertEqual(self.diary.last("backup_failed")["problem"], "no route")

    def test_a_full_backup_that_its_primary_missed_is_made_by_the_next_one(self):
        with self.ask(True):
            backup.back_up(self.settings, self.diary, "full")
        old = held(("full", 1000, 1100))
        with self.ask(False) as asked, mock.patch.object(repository, "read", return_value=old), mock.patch.object(backup, "make", return_value=0) as make:
            backup.back_up(self.settings, self.diary, "diff")
        self.assertEqual(make.call_args.args[2], "full")
        # "WAL timeline 2 does not match pg_control timeline 1": a backup that came right after a promotion.
        asked["record_timeline"].assert_called_once_with(mock.ANY, 3)


class TwoRepositories(Node):
    def back_up(self, repositories, codes):
        """Repositories by their number, an error where one cannot be read; the exit codes of the backups, by number too."""
        self.settings.repositories, made = 2, []

        def read(_settings, number):
            if isinstance(repositories[number], Exception):
                raise repositories[number]
            return repositories[number]

        def make(_settings, _diary, kind, number):
            made.append((kind, number))
            return codes[number]

        with self.ask(False), mock.patch.object(repository, "read", side_effect=read), mock.patch.object(backup, "make", side_effect=make):
            code = backup.back_up(self.settings, self.diary, "diff")
        return code, made, os.path.exists(repository.failure_mark(self.settings))

    def test_each_gets_what_it_needs(self):
        full = held(("full", 1000, 1100))
        self.assertEqual(self.back_up({1: full, 2: held()}, {1: 0, 2: 0}), (0, [("diff", 1), ("full", 2)], False))

    def test_one_out_of_reach_keeps_nothing_from_the_other(self):
        full, away = held(("full", 1000, 1100)), repository.RepositoryError("no route")
        self.assertEqual(self.back_up({1: away, 2: full}, {2: 0}), (1, [("diff", 2)], True))
        self.assertEqual(self.back_up({1: full, 2: away}, {1: 0}), (1, [("diff", 1)], True))
        self.assertEqual(self.back_up({1: full, 2: full}, {1: 0, 2: 0}), (0, [("diff", 1), ("diff", 2)], False))  # and no mark is left


class Stanza(Node):
    def run_it(self, in_recovery, repo, check=False):
        with mock.patch.object(server, "ask", return_value=types.SimpleNamespace(in_recovery=in_recovery)), \
                mock.patch.object(repository, "read", return_value=repo), mock.patch.object(repository, "run") as run, mock.patch("builtins.print"):
            backup.make_stanza(self.settings, self.diary, check)
        return [call.args[1] for call in run.call_args_list]

    def test_made_once_and_by_the_primary(self):
        missing, there = repository.Repository(1, "missing stanza path"), held()
        self.assertEqual(self.run_it(True, missing), [])
        self.assertEqual(self.run_it(False, missing), ["stanza-create", "check"])
        self.assertEqual(self.run_it(False, there), [])
        self.assertEqual(self.run_it(False, there, check=True), ["check"])


class AfterPromotion(Node):
    def wanted(self, timeline, in_recovery=False, memory=None):
        context = types.SimpleNamespace(settings=self.settings, journal=self.diary, memory=memory or types.SimpleNamespace())
        self.settings.me = types.SimpleNamespace(witness=False)
        state = types.SimpleNamespace(in_recovery=in_recovery, timeline=timeline)
        with mock.patch.object(server, "ask", return_value=state), mock.patch.object(repository, "read", return_value=held(("full", 1, 2))):
            backup.run(context)
        return os.path.exists(os.path.join(self.folder, "backup-wanted"))

    def test_asked_for_on_a_new_timeline_only(self):
        self.assertFalse(self.wanted(1))
        self.assertFalse(self.wanted(2, in_recovery=True))
        self.assertTrue(self.wanted(2))

    def test_asked_for_once(self):
        memory = types.SimpleNamespace()
        self.wanted(2, memory=memory)
        self.wanted(2, memory=memory)
        self.assertEqual(self.events(), ["backup_wanted"])
