"""The WSGI application and the HTTP server around moto."""

from __future__ import annotations

import io
import logging
import time
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from awsapi import errors
from awsapi.authorisation import Authority
from awsapi.control import PREFIX, Control
from awsapi.faults import Fault, Faults
from awsapi.journal import Journal
from awsapi.patching import Emulator
from awsapi.requests import Call, read_call

StartResponse = Callable[..., Any]
log = logging.getLogger("awsapi")

HOST_SECONDS = 60  # how long an answer waits for what a host has to do first
# How long the answer to a change waits. AWS is never quicker, and clients rely on
# it: the Go SDK closes a request's body when the answer is there, and should its
# own writer not have come to the body's end by then, it drops the connection and
# sends the change again (github.com/aws/aws-sdk-go-v2/issues/2737).
CHANGE_SECONDS = 0.02


class Application:
    """Every request passes here: control endpoints, injected faults, moto one
    at a time, the request log."""

    def __init__(self, emulator: Emulator):
        self._emulator = emulator
        self._faults = Faults()
        self._journal = Journal()
        self._control = Control(emulator, self._faults, self._journal)
        self._authority = Authority(emulator)
        self._moto = DomainDispatcherApplication(self._service)

    def _service(self, name: Any) -> Any:
        """moto's application of one service, behind the judge of its callers."""
        application = create_backend_app(name)
        application.before_request(self._authority.check)
        return application

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # The body is read before the lock is taken: nobody waits for a slow sender.
        body = _read_body(environ)
        path = environ.get("PATH_INFO", "/")
        if path.startswith(PREFIX):
            status, answer = self._control.answer(
                environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), body
            )
            return _respond(start_response, status, "application/json", answer)
        call = read_call(environ, body)
        fault = self._faults.hit(call)
        if fault is not None:
            time.sleep(fault.delay_ms / 1000)
            if fault.status:
                return self._fail(environ, start_response, call, fault)
        status, headers, chunks = self._serve(environ, call)
        self._emulator.wait(HOST_SECONDS)
        if call.mutating:
            time.sleep(CHANGE_SECONDS)
        self._journal.add(call, self._account(call), status, fault is not None)
        start_response(f"{status} {_phrase(status)}", headers)
        return chunks

    def _serve(
        self, environ: dict[str, Any], call: Call
    ) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        answered: list[Any] = []

        def remember(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            answered[:] = [int(status.split(" ", 1)[0]), headers]

        with self._emulator.lock:
            try:
                result = self._moto(environ, remember)
                try:
                    chunks = list(result)
                finally:
                    if hasattr(result, "close"):
                        result.close()
            except NotImplementedError as missing:
                return self._unanswered(environ, call, 501, f"the emulator lacks {call.action}: {missing}")
            except Exception as broken:
                log.error("%s %s failed\n%s", call.service, call.action, traceback.format_exc())
                return self._unanswered(
                    environ, call, 400, f"the emulator failed in {call.action}: {broken!r}", "EmulatorFailure"
                )
            finally:
                if call.changes_snapshot:
                    self._emulator.version.bump()
        return answered[0], answered[1], chunks

    def _unanswered(
        self, environ: dict[str, Any], call: Call, status: int, message: str, code: str = ""
    ) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        """What moto lacks or breaks on stays so: these statuses are not retried."""
        log.error("%s %s: %s", call.service, call.action, message)
        kind, body, extra = errors.body(call, "HTTP_X_AMZ_TARGET" in environ, status, code, message)
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *extra.items()]
        return status, headers, [body]

    def _fail(
        self, environ: dict[str, Any], start_response: StartResponse, call: Call, fault: Fault
    ) -> Iterable[bytes]:
        self._journal.add(call, self._account(call), max(fault.status, 0), True)
        if fault.status < 0:
            raise ConnectionAbortedError("an injected fault closes this connection")
        kind, body, extra = errors.body(
            call, "HTTP_X_AMZ_TARGET" in environ, fault.status, fault.error_code, "injected by the sandbox"
        )
        if call.method == "HEAD":
            body = b""
        return _respond(start_response, fault.status, kind, body, extra)

    def _account(self, call: Call) -> str:
        return get_account_id_from(call.access_key) if call.access_key else ""


def _read_body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated") and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", ""):
        body = stream.read()
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.input_terminated"] = True
    return body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _respond(
    start_response: StartResponse, status: int, kind: str, body: bytes, extra: dict[str, str] | None = None
) -> list[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} {_phrase(status)}", headers + list((extra or {}).items()))
    return [body]


class Handler(WSGIRequestHandler):
    """Answers without delay (Nagle's algorithm costs 40 ms an answer) and
    writes no access log: the journal has it."""

    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        self.close_connection = True


def listen(emulator: Emulator, port: int) -> BaseWSGIServer:
    """A server on the loopback address. Raises OSError when the port is taken."""
    return make_server(
        "127.0.0.1", port, Application(emulator), threaded=True, request_handler=Handler
    )
