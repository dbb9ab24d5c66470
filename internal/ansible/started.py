# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""On which host a task has begun."""

from __future__ import annotations

DOCUMENTATION = r"""
name: started
type: aggregate
short_description: Tell on which host a task begins
version_added: 1.0.0
description:
  - Prints a line of JSON for every task that begins on a host, in the shape of P(ansible.posix.jsonl#callback).
  - That one names a host with its results only, so that nobody sees meanwhile which host a task waits for.
requirements:
  - It is named in C(callbacks_enabled), beside P(ansible.posix.jsonl#callback) as C(stdout_callback).
author:
  - infra
"""

import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "started"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_start(self, host, task):
        event = {"_event": "v2_runner_on_start", "task": {"name": task.get_name()}, "hosts": {host.get_name(): {}}}
        self._display.display(json.dumps(event))
