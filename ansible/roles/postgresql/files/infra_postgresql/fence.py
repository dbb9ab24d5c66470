"""Prove that the failed primary is down, or make it so: repmgrd asks this before it promotes, see errand.py.

It blocks and tries again inside, for as long as it takes: repmgrd knows no other way to try again that leaves the
witness where it is. It returns 0 only when every node that might take writes is proven not to, and 1 when the primary
answers again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time

from infra_postgresql import cloud, journal, proof, quorum, server

PAUSE = 0.3  # seconds between two looks
STOP_AGAIN = 10  # seconds after which a stop that does not get on is asked for again


@contextlib.contextmanager
def alone(settings, wait=False):
    """Yield whether nothing else on this host fences or promotes now, and keep it so meanwhile; with wait: as soon as that is so."""
    with open(os.path.join(settings.state_directory, "failover.lock"), "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


class Fence:
    """One attempt of this standby to take over; told is repmgrd's word, judge decides from Facts whether it may."""

    def __init__(self, settings, diary, api, told=(), judge=quorum.may_fence):
        self.settings, self.diary, self.api, self.judge = settings, diary, api, judge
        self.told = list(told)
        self.once = journal.Once(diary)
        self.term = None
        self.marked = set()
        self.struck = {}  # node -> when its stop was last asked for: from the first time on there is no way back

    def run(self):
        """Block until the fence stands (0) or the failover is off (1)."""
        while True:
            verdict = self.attempt()
            if verdict.go:
                return 0
            if verdict.act == quorum.CANCEL:
                self.cancel(verdict.reason)
                return 1
            time.sleep(PAUSE)

    def attempt(self):
        """Take a step; whatever keeps it from succeeding is journaled and waited for."""
        try:
            verdict = self.step()
        except cloud.CloudError as error:
            self.alarm(error)
            return quorum.Verdict(quorum.WAIT)
        except server.Unreachable as error:
            verdict = quorum.Verdict(quorum.WAIT, "the server of this host does not answer: %s" % error)
        if verdict.act == quorum.WAIT:
            self.once.wait(verdict.reason, self.term)
        return verdict

    def step(self):
        """Look, decide, act once. A verdict to go means that the fence stands."""
        if self.struck and not self.down():
            return quorum.Verdict(quorum.WAIT, "until the host of %s is down" % ", ".join(node.name for node in self.struck))
        facts, failure = proof.collect(self.settings, self.api, voters=True)
        if facts.own.writable:
            return quorum.Verdict(quorum.GO, "this node takes writes already")
        if self.term is None:
            self.detect(facts)
        # From the first stop on there is no way back. Another node is struck only for all the reasons of the first: the one
        # that just does not answer may be the vote that is needed, and the one that takes writes the better candidate.
        if not self.struck or any(node not in self.struck for node in quorum.unproven(self.settings, facts)):
            verdict = self.judge(self.settings, facts)
            if not verdict.go:
                return verdict
            self.once.record("quorum", self.term, reason=verdict.reason, visible=quorum.visible(facts), nodes=len(self.settings.nodes))
        if failure:
            raise failure
        return self.strike(facts)

    def detect(self, facts):
        """Journal that the primary is missed, and where it was last."""
        self.term = quorum.term(facts)
        last = {"primary_last_seen": journal.stamp_of(facts.sample.at), "lag_bytes": facts.sample.lag} if facts.sample else {}
        self.diary.record("detected", self.term, told=self.told, **last)

    def strike(self, facts):
        """Mark and stop whoever may take writes, and mark who is down already, lest it come back as a primary."""
        left = quorum.unproven(self.settings, facts)
        for node in self.settings.other_data_nodes:
            instance = facts.instances.get(node.number)
            if node in left or (instance and instance.state == "stopped"):
                self.mark(node, instance)
            if node in left:
                self.stop(node)
            elif instance and instance.down:
                self.once.record("stopped", self.term, node.number, target=node.name, instance=instance.id, state=instance.state)
        if left:
            return quorum.Verdict(quorum.WAIT, "until the host of %s is down" % ", ".join(node.name for node in left))
        return quorum.Verdict(quorum.GO)

    def mark(self, node, instance):
        """Mark a node in the cloud, once."""
        if node in self.marked:
            return
        if not instance or instance.fenced != str(self.term):
            self.api.mark(node, self.term)
        self.marked.add(node)
        self.diary.record("fenced", self.term, target=node.name, instance=node.instance_id)

    def stop(self, node):
        """Ask for the stop of a node's host; again when it does not get on."""
        now = time.monotonic()
        if now - self.struck.get(node, -STOP_AGAIN) < STOP_AGAIN:
            return
        self.api.stop(node)
        self.struck[node] = now
        self.once.record("stop_requested", self.term, node.number, target=node.name, instance=node.instance_id)

    def down(self):
        """Return whether every host whose stop was asked for is down, by the API's word."""
        instances = self.api.instances(list(self.struck))
        for node in self.struck:
            instance = instances.get(node.number)
            if not (instance and instance.down):
                self.stop(node)
                return False
        return True

    def cancel(self, reason):
        """The failover is off; a mark of this attempt must not outlive it, but on a host that it has stopped."""
        for node in self.marked - set(self.struck):
            try:
                self.api.unmark(node)
            except cloud.CloudError as error:
                self.alarm(error)
        self.diary.record("cancelled", self.term, reason=reason)

    def alarm(self, error):
        """The API cannot be asked: nothing can be proven, so nobody is promoted, and somebody must know."""
        if error.timeout:
            self.api = self.api.more_patient()
        reason = "the cloud's API cannot be asked, so nothing is promoted"
        if self.once.wait(reason, self.term, event="alarm", problem=str(error)):
            threading.Thread(target=self.publish, daemon=True).start()

    def publish(self):
        """Make the alarm of the missing fence ring, if that can be reached."""
        try:
            self.api.put_metrics({"fence_rehearsal_failures": 1})
        except cloud.CloudError as error:
            self.diary.record("metric_failed", self.term, problem=str(error))
