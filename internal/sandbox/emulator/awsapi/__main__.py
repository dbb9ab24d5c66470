"""Serves the AWS API: python -m awsapi --port N [--folder DIR]."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile

from awsapi.addresses import PublicAddresses
from awsapi.settings import Settings


def main() -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 1 when it cannot serve."""
    parser = argparse.ArgumentParser(prog="awsapi", description="The AWS API of a sandbox.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--folder", default="", help="where generated files go")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    settings = Settings.read(os.environ)
    settings.apply(os.environ, arguments.folder or tempfile.mkdtemp(prefix="awsapi-"))

    # Only now: these import moto.
    from awsapi import corrections, server
    from awsapi.elastic import in_use
    from awsapi.patching import Emulator

    emulator = Emulator(settings, PublicAddresses(settings.public, in_use))
    corrections.apply(emulator)
    try:
        serving = server.listen(emulator, arguments.port)
    except (OSError, SystemExit) as error:
        print(f"cannot listen on 127.0.0.1:{arguments.port}: {error}", file=sys.stderr)
        return 1

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that still answer somebody need not be waited for.
    os._exit(code)
