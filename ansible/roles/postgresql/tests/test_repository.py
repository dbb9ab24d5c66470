"""What pgBackRest says, and what follows from it for the metrics."""

import json
import unittest

from infra_postgresql import repository


def told(code=0, message="ok", backups=()):
    """Return the text of `pgbackrest info --output=json`."""
    return json.dumps([{"name": "main", "status": {"code": code, "message": message}, "backup": list(backups)}])


def backup(label, kind="full", start=1000, stop=1100, size=5000, wal="000000010000000000000003", error=False):
    """Return one backup of that text."""
    return {"label": label, "type": kind, "timestamp": {"start": start, "stop": stop}, "info": {"size": size},
            "archive": {"start": wal, "stop": wal}, "error": error}


class Decode(unittest.TestCase):
    def test_backups(self):
        held = repository.decode(told(backups=[backup("F"), backup("D", "diff", 2000, 2010, wal="0000000A0000000000000009")]))
        self.assertEqual([b.label for b in held.backups], ["F", "D"])
        self.assertEqual((held.newest().label, held.newest("full").label, held.newest().timeline), ("D", "F", 10))
        self.assertFalse(held.missing)

    def test_no_stanza(self):
        for text in ("[]", told(1, "missing stanza path"), told(3, "missing stanza data")):
            self.assertTrue(repository.decode(text).missing, text)
        self.assertFalse(repository.decode(told(2, "no valid backups")).missing)

    def test_bad_pages_are_no_backup(self):
        held = repository.decode(told(backups=[backup("F"), backup("G", error=True)]))
        self.assertEqual(held.newest().label, "F")

    def test_storage_away_is_not_an_empty_repository(self):
        text = json.dumps([{"name": "main", "status": {"code": 99, "message": "other"}, "backup": [],
                            "repo": [{"status": {"code": 99, "message": "[HostConnectError] timeout"}}]}])
        with self.assertRaisesRegex(repository.RepositoryError, "HostConnectError"):
            repository.decode(text)

    def test_unreadable(self):
        for text in ("", "{}", "[{}]", '[{"status": 1}]'):
            with self.assertRaises(repository.RepositoryError, msg=text):
                repository.decode(text)


class Gist(unittest.TestCase):
    def test_errors_with_their_second_lines(self):
        log = ("2026-11-22 P00   INFO: backup command begin\n"
               "2026-11-22 P00  ERROR: [055]: unable to load info file\n"
               "       HINT: has a stanza-create been performed?\n"
               "2026-11-22 P00   INFO: end\n")
        self.assertEqual(repository.gist(log), "[055]: unable to load info file HINT: has a stanza-create been performed?")

    def test_told_once(self):
        self.assertEqual(repository.gist("P00 ERROR: [1]: no\nP00 ERROR: [1]: no\n"), "[1]: no")

    def test_nothing(self):
        self.assertEqual(repository.gist("P00 INFO: fine\n"), "")


class OfBackups(unittest.TestCase):
    def test_ages(self):
        held = repository.decode(told(backups=[backup("F", start=1000, stop=1100), backup("D", "diff", 2000, 2010, 6000)]))
        self.assertEqual(repository.of_backups(held, 2100, 0),
                         {"backup_failed": 0, "backup_age_seconds": 90, "backup_size_bytes": 6000, "backup_duration_seconds": 100})

    def test_a_failure_counts_until_a_good_backup(self):
        held = repository.decode(told(backups=[backup("F", stop=1100)]))
        self.assertEqual(repository.of_backups(held, 2000, 1500)["backup_failed"], 1)
        self.assertEqual(repository.of_backups(held, 2000, 1050)["backup_failed"], 0)

    def test_nothing_yet(self):
        self.assertEqual(repository.of_backups(repository.decode(told(2)), 2000, 0), {"backup_failed": 0})
        self.assertEqual(repository.of_backups(repository.decode(told(2)), 2000, 5), {"backup_failed": 1})


class Watching(unittest.TestCase):
    def test_reads_now_and_then(self):
        calls, now = [], [0.0]
        watch = repository.Watch(reader=lambda settings: calls.append(settings) or len(calls), clock=lambda: now[0])
        self.assertEqual([watch.repository("s"), watch.repository("s")], [1, 1])
        now[0] = repository.FRESH + 1
        self.assertEqual(watch.repository("s"), 2)

    def test_a_failure_is_no_answer(self):
        answers = [repository.RepositoryError("away"), 7]

        def reader(_):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        watch = repository.Watch(reader=reader)
        with self.assertRaises(repository.RepositoryError):
            watch.repository("s")
        self.assertEqual(watch.repository("s"), 7)

    def test_failures_since_the_last_look(self):
        watch = repository.Watch()
        self.assertEqual([watch.new_failures(n) for n in (5, 5, 8, 2)], [0, 0, 3, 2])
