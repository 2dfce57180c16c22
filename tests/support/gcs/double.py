"""The double's process: `python -m tests.support.gcs.double PORT UPSTREAM KEY`.

It answers by path, whatever host it is called by, so that it can stand for all of Google's hosts at once. Tests
arrange things by POST to `/-/VERB` with the key.
"""

import sys
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from aiohttp import web

from tests.support.gcs.answers import Refusal
from tests.support.gcs.identity import Identities
from tests.support.gcs.storage import Storage

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST = 1 << 26


class Double:
    """All services together."""

    def __init__(self, upstream: str, key: str) -> None:
        self._identities = Identities()
        self._storage = Storage(upstream, self._identities)
        self._key = key
        self._verbs: dict[str, Callable[..., Any]] = {
            "add_account": self._identities.add_account,
            "add_provider": self._identities.add_provider,
            "let_impersonate": self._identities.let_impersonate,
            "permit": self._identities.permit,
            "give_token": self._identities.give_token,
            "end_tokens": self._identities.end_tokens,
            "add_bucket": self._storage.add_bucket,
            "make_uniform": self._storage.make_uniform,
            "set_list": self._storage.set_list,
            "get_list": self._storage.get_list,
        }

    def app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST, middlewares=[_refusing])
        app.on_startup.append(lambda _: self._storage.start())
        app.on_cleanup.append(lambda _: self._storage.stop())
        storage = self._storage
        app.add_routes(
            [
                web.post("/-/{verb}", self._arrange),
                web.post("/token", self._exchange_key),
                web.post("/v1/token", self._exchange_subject),
                web.post("/v1/projects/-/serviceAccounts/{email}:generateAccessToken", self._impersonate),
                web.get("/storage/v1/b/{bucket}", storage.describe),
                web.get("/storage/v1/b/{bucket}/o", storage.list_objects),
                web.get("/storage/v1/b/{bucket}/o/{key}", storage.get),
                web.get("/storage/v1/b/{bucket}/o/{key}/acl", storage.read_list),
                web.delete("/storage/v1/b/{bucket}/o/{key}", storage.delete),
                web.get("/download/storage/v1/b/{bucket}/o/{key}", storage.get),
                web.post("/upload/storage/v1/b/{bucket}/o", storage.insert),
            ]
        )
        return app

    async def _arrange(self, request: web.Request) -> web.Response:
        assert request.headers["X-Key"] == self._key
        done = self._verbs[request.match_info["verb"]](**await request.json())
        return web.json_response(await done if isawaitable(done) else done)

    async def _exchange_key(self, request: web.Request) -> web.Response:
        return web.json_response(self._identities.exchange_key(await _form(request)))

    async def _exchange_subject(self, request: web.Request) -> web.Response:
        return web.json_response(self._identities.exchange_subject(await _form(request)))

    async def _impersonate(self, request: web.Request) -> web.Response:
        email, bearer = request.match_info["email"], request.headers.get("Authorization", "")
        return web.json_response(self._identities.impersonate(email, bearer, await request.json()))


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}


@web.middleware
async def _refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.answer


if __name__ == "__main__":
    web.run_app(
        Double(sys.argv[2], sys.argv[3]).app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None
    )
