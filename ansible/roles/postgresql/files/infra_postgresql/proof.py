"""What is known of the other nodes at this moment, from themselves and from the cloud's API, asked side by side."""

from __future__ import annotations

import threading

from infra_postgresql import cloud, quorum, sample, server


class Inquiry:
    """Questions to the nodes, each in a thread that nobody need wait for: a dead node answers late or never."""

    def __init__(self, settings, nodes, question=server.ask):
        self.answers, self.problems, self._threads = {}, {}, {}
        for node in nodes:
            thread = threading.Thread(target=self._ask, args=(settings, node, question), daemon=True)
            self._threads[node.number] = thread
            thread.start()

    def _ask(self, settings, node, question):
        try:
            self.answers[node.number] = question(settings, node)
        except server.Unreachable as error:
            self.problems[node.number] = str(error)

    def collect(self, numbers):
        """Return number -> answer or None of those named, as soon as they are known."""
        for number in numbers:
            self._threads[number].join()
        return {number: self.answers.get(number) for number in numbers}


def collect(settings, api, excused=frozenset(), voters=False):
    """Return (Facts, the API's CloudError or None). With voters: also who saw the primary when. Raises Unreachable without an own server.

    A host that the API tells to be down is not waited for.
    """
    asked = Inquiry(settings, settings.others)
    saw = Inquiry(settings, settings.nodes if voters else (), server.last_seen)
    own = server.ask(settings)
    instances, failure = {}, None
    try:
        instances = api.instances(settings.data_nodes)
    except cloud.CloudError as error:
        failure = error
    down = {number for number, instance in instances.items() if instance.down}
    states = dict.fromkeys(down - {settings.number})
    states.update(asked.collect([node.number for node in settings.others if node.number not in down]))
    answered = [number for number, state in states.items() if state] + [settings.number]
    seen = {number: answer for number, answer in saw.collect(answered if voters else []).items() if answer}
    return quorum.Facts(own=own, states=states, instances=instances, seen=seen, sample=sample.read(settings),
                        excused=frozenset(excused)), failure
