"""The command line: one subcommand a task, each in the module of its subject.

A module is imported when its subcommand is called and not before: the boot guard must start where psycopg2 or boto3 is
broken. A handler is a function (settings, options) -> exit code; a module with options of its own has a function
register(parser, name).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from infra_postgresql import settings

# subcommand -> (module, handler, help)
COMMANDS = {
    "agent": ("agent", "main", "run the duties of this node until stopped"),
    "fence": ("errand", "fence", "block until the failed primary is proven to be down; repmgrd asks it before a failover"),
    "promote": ("errand", "promote", "make this standby the primary; repmgrd's promote_command"),
    "guard": ("guard", "main", "decide whether the server of this host may start"),
    "backup": ("backup", "main", "back up, when this node is the one that should"),
    "handover": ("switchover", "handover", "end this primary in order and print where its WAL ends"),
    "takeover": ("switchover", "takeover", "make this standby the primary after a handover"),
    "failover": ("failover", "main", "fence the primary and promote this standby, asked for by a person"),
    "pause": ("switchover", "pause", "pause repmgrd on this node, for a limited time"),
    "unpause": ("switchover", "unpause", "let repmgrd of this node decide again"),
    "resume": ("switchover", "resume", "start this primary again after a handover that nobody took over"),
    "rejoin": ("rejoin", "main", "make this node a standby of the primary again"),
}


def parse(arguments):
    """Return the options; only the module of the given subcommand is imported."""
    parser = argparse.ArgumentParser(prog="infra-postgresql", description="Keeps the PostgreSQL node of this host.")
    parser.add_argument("--settings", default=settings.PATH, help="settings file (default %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, _, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name in arguments:
            register = getattr(load(module), "register", None)
            if register:
                register(command, name)
    return parser.parse_args(arguments)


def load(module):
    """Import a module of this package."""
    return importlib.import_module("infra_postgresql." + module)


def main(arguments=None):
    """Return the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    os.umask(0o027)
    module, handler, _ = COMMANDS[options.command]
    return getattr(load(module), handler)(settings.load(options.settings), options)


if __name__ == "__main__":
    sys.exit(main())
