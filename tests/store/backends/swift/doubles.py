"""A Keystone and Swift that say whatever a test has written down, in one server."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from clusterstate.store.backends.swift.config import ClientInputs
from clusterstate.store.backends.swift.who import Password, Scope, User
from clusterstate.store.wire import Wire
from tests.store.canned import Canned
from tests.store.opening import LOOPBACK

TOKEN = "canary-token"
PASSWORD = "canary-password"
GUARDED = Wire(guard=LOOPBACK)
LOGIN = "/v3/auth/tokens"

Answer = Callable[[web.Request], web.Response]


def token(account_url: str, **more: Any) -> web.Response:
    """Give what Keystone says to a password; the account is wherever the test wants it."""
    endpoints = [{"interface": "public", "region": "one", "url": account_url}]
    body = {
        "expires_at": "2999-01-01T00:00:00.000000Z",
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "methods": ["password"],
        "user": {"id": "17", "name": "me", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "1", "name": "team", "domain": {"id": "default", "name": "Default"}},
        "catalog": [{"type": "object-store", "name": "swift", "endpoints": endpoints}],
        **more,
    }
    return web.json_response({"token": body}, status=201, headers={"X-Subject-Token": TOKEN})


def openstack(answer: Answer) -> Answer:
    """Give a server that lets everybody in, and answers as Swift what the test says."""

    def both(request: web.Request) -> web.Response:
        return token(f"http://{request.host}/v1/AUTH_1") if request.path == LOGIN else answer(request)

    return both


def inputs_of(endpoint: str, wire: Wire = GUARDED) -> ClientInputs:
    who = Password(User(id="17"), Scope(project_id="1"), PASSWORD)
    return ClientInputs(who, f"{endpoint}/v3", wire=wire)


def asked(server: Canned) -> list[tuple[str, str]]:
    """Give what Swift was asked, logins left out."""
    return [(request.method, request.path) for request in server.requests if request.path != LOGIN]
