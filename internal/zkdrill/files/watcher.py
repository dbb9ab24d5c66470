"""Says five times a second what the ZooKeeper server of this host is. One line of JSON each time.

Ends when standard input does. A server that does not answer in time is silent, which is not the same as one that is away or that
says that it does not serve.
"""

import json
import socket
import sys
import threading

PERIOD = 0.2
LIMIT = 1.0


def look():
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", 2181), timeout=LIMIT) as connection:
            connection.settimeout(LIMIT)
            connection.sendall(b"srvr")
            while part := connection.recv(65536):
                answer += part
    except TimeoutError:
        return "silent"
    except OSError:
        return "down"
    for line in answer.decode(errors="replace").splitlines():
        if line.startswith("Mode: "):
            return line[6:].strip()
    return "electing"


def main():
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.is_set():
        print(json.dumps({"mode": look()}), flush=True)
        over.wait(PERIOD)


main()
