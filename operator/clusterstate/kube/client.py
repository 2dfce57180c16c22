"""The verbs of the Kubernetes API on plain JSON objects.

Every request has a time limit, only so many run at once, and what goes wrong is a `KubeError`: `ObjectNotFound`,
`ObjectExists`, `ObjectChanged` (read again), `KubeForbidden`, `KubeRefused` (never passes) or `KubeUnavailable`
(try again, after `retry_after` seconds where the server said so). Nothing is cached.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from clusterstate.api.annotations import FIELD_MANAGER
from clusterstate.errors import KubeRefused
from clusterstate.kube.answers import decode_answer
from clusterstate.kube.calls import APPLY_PATCH, JSON, MERGE_PATCH, Call, Verb
from clusterstate.kube.doors import OwnDoor
from clusterstate.kube.failures import Expired
from clusterstate.kube.kinds import SERVICE_ACCOUNTS, JsonObject, Kind
from clusterstate.kube.login import Login, choose_source
from clusterstate.kube.transport import UNLIMITED, Limits, Transport
from clusterstate.kube.watching import SILENCE, WatchEvent, watch_events

TIMEOUT: Final = 30.0
"""Seconds that one request may take, waiting for its turn included."""
TOKEN_SECONDS: Final = 600
"""Life of a service account's token; the API server gives none for less."""
PARALLEL: Final = 32
"""Requests at the same time; watches come on top."""


CHUNK: Final = 500
"""Objects of a page."""


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """What a list says about itself."""

    resource_version: str = ""
    token: str = msgspec.field(default="", name="continue")
    """Where the next page begins; empty on the last one."""


class Page(msgspec.Struct, frozen=True):
    """A part of a list; the objects in it have no apiVersion and no kind."""

    metadata: ListMeta
    items: tuple[JsonObject, ...] | None = None

    @property
    def objects(self) -> tuple[JsonObject, ...]:
        """The items; the API server says null for none where only metadata is asked for."""
        return self.items or ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a list or a watch is about."""

    kind: Kind
    namespace: str | None = None
    """None: all namespaces."""
    labels: str = ""
    """A label selector, as `kubectl -l` takes it."""
    fields: str = ""
    """A field selector, as `kubectl --field-selector` takes it."""

    def query(self, **more: str) -> dict[str, str]:
        """Give the URL's parameters."""
        return {"labelSelector": self.labels, "fieldSelector": self.fields, **more}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of one list is read at most."""

    requests: int = UNLIMITED
    """Those for pages without objects, and those that start anew, are counted too."""
    size: int = UNLIMITED
    """Bytes."""

    def check(self, call: Call, requests: int, size: int) -> None:
        """Raise `KubeRefused` where that would be more."""
        words = ""
        if self.requests and requests > self.requests:
            words = f"the list has no end after {self.requests} requests."
        elif self.size and size > self.size:
            words = f"the list has more than {self.size} bytes, the most that is read."
        if words:
            raise KubeRefused(f"Could not {call.text}: {words}", words=words)


BOUNDLESS: Final = Bounds()


async def connect(
    kubeconfig: Path | None = None, context: str | None = None, *, patience: float = TIMEOUT, parallel: int = PARALLEL
) -> "Client":
    """Give a client, as kubectl would: the file named, else the Pod's service account, else the usual kubeconfig.

    Sends nothing yet. `patience` is what one request may take, in seconds. Raises `KubeRefused` when there are no
    usable credentials.
    """
    login = await Login.read(choose_source(kubeconfig, context))
    return Client(Transport(OwnDoor(login), Limits(patience, parallel)))


class Client:
    """One server, as one user. Made by `connect`; usable by many tasks of one event loop at once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def once(self, largest: int = UNLIMITED) -> "Client":
        """Give the same client for callers who repeat by themselves what was turned down for now (429).

        It has the same connections, and is closed with them; requests at the same time are counted beside those of
        this client. `largest` is what one answer may have, in bytes.
        """
        return Client(self._transport.once(largest))

    async def get(self, kind: Kind, namespace: str | None, name: str) -> JsonObject:
        """Give one object; raise `ObjectNotFound` when it isn't there."""
        return await self._object(Call(verb="get", kind=kind, namespace=namespace, name=name))

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = "", chunk: int = CHUNK
    ) -> AsyncIterator[JsonObject]:
        """Give every object that the selectors match; without a namespace, of all."""
        async for page in self.pages(Selection(kind, namespace, labels, fields), chunk=chunk):
            for item in page.objects:
                yield item

    async def pages(
        self, selection: Selection, *, chunk: int = CHUNK, bounds: Bounds = BOUNDLESS
    ) -> AsyncIterator[Page]:
        """Give a list page by page, `chunk` objects each.

        A list that takes longer than the API server remembers goes on with newer pages; the resource version of
        the first page is the one to watch from. Raises `KubeRefused` where the list goes beyond the bounds.
        """
        token, size = "", 0
        for requests in count(1):
            call = _page(selection, chunk, token)
            bounds.check(call, requests, size)
            try:
                answer = await self._transport.send(call)
            except Expired as error:
                if not error.continue_token:
                    raise
                token = error.continue_token
                continue
            size += len(answer)
            bounds.check(call, requests, size)
            page = decode_answer(call, answer, Page)
            yield page
            token = page.metadata.token
            if not token:
                return

    async def newest(self, selection: Selection) -> str:
        """Give the resource version as of now, to watch from; what is there is left out but for one object."""
        call = _page(selection, 1, "")
        return decode_answer(call, await self._transport.send(call), Page).metadata.resource_version

    def watch(
        self, selection: Selection, resource_version: str, *, silence: float = SILENCE
    ) -> AsyncGenerator[WatchEvent, None]:
        """Give what happens after that resource version, until the server ends the watch.

        Raises `failures.Expired` when the server doesn't remember that far back (list again), and
        `KubeUnavailable` when the connection breaks or nothing came for `silence` seconds (watch again).
        """
        query = selection.query(resourceVersion=resource_version)
        call = Call(verb="watch", kind=selection.kind, namespace=selection.namespace, query=query)
        return watch_events(self._transport, call, silence)

    async def create(
        self, kind: Kind, body: JsonObject, *, manager: str = FIELD_MANAGER, strict: bool = False
    ) -> JsonObject:
        """Create an object and give it as it is stored; raise `ObjectExists` when the name is taken.

        Fields that the server doesn't know are dropped, or are `KubeRefused` where `strict` is given.
        """
        return await self._object(_call("create", kind, body, _writing(manager, strict=strict)))

    async def replace(
        self, kind: Kind, body: JsonObject, *, manager: str = FIELD_MANAGER, strict: bool = False
    ) -> JsonObject:
        """Put an object in place of the one with its uid and resourceVersion, which it must carry.

        Raises `ObjectChanged` when there is another one by now, `ObjectNotFound` when there is none. `strict` is as
        in `create`.
        """
        assert body["metadata"].get("resourceVersion"), "a replacement says what it replaces"
        return await self._object(_call("update", kind, body, _writing(manager, strict=strict)))

    async def merge_patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: JsonObject,
        *,
        subresource: str = "",
        manager: str = FIELD_MANAGER,
    ) -> JsonObject:
        """Merge a patch (RFC 7396) into an object; `metadata.uid` and `.resourceVersion` in it are conditions.

        The status of a custom resource heeds `.resourceVersion` only: the API server drops other metadata there.
        Raises `ObjectChanged` when a condition doesn't hold, `ObjectNotFound` when there is no such object.
        """
        call = Call(
            verb="patch",
            kind=kind,
            namespace=namespace,
            name=name,
            subresource=subresource,
            query={"fieldManager": manager},
            body=patch,
            content_type=MERGE_PATCH,
        )
        return await self._object(call)

    async def apply(self, kind: Kind, body: JsonObject, *, manager: str = FIELD_MANAGER) -> JsonObject:
        """Apply an object on the server's side; `metadata.uid` and `.resourceVersion` in it are conditions.

        An object without them is created where it is missing. Raises `KubeRefused` when another manager owns a
        field, `ObjectChanged` when a condition doesn't hold.
        """
        query = {"fieldManager": manager, "force": "false"}
        return await self._object(_call("patch", kind, body, query, APPLY_PATCH))

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        """Delete an object, if it is the one that is meant.

        Raises `ObjectNotFound` when it is gone, `ObjectChanged` when it has another uid or resource version.
        """
        conditions = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        await self._transport.send(Call(verb="delete", kind=kind, namespace=namespace, name=name, body=body))

    async def create_token(self, namespace: str, account: str, audience: str) -> str:
        """Give a fresh token of a service account for one audience, which lives `TOKEN_SECONDS`.

        Raises `ObjectNotFound` when there is no such account, `KubeForbidden` when nobody allowed it.
        """
        answer = await self._object(_token_call(namespace, account, [audience]))
        token: str = answer["status"]["token"]
        return token

    async def own_audiences(self, namespace: str, account: str) -> frozenset[str]:
        """Give the audiences whose tokens open this API server (its --api-audiences).

        A request for a token that names none is told them; such a token isn't looked at. Raises as `create_token` does.
        """
        answer = await self._object(_token_call(namespace, account, [], dryRun="All"))
        return frozenset(answer["spec"]["audiences"])

    async def close(self) -> None:
        """Close the connections; nothing may be called afterwards."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _object(self, call: Call) -> JsonObject:
        return decode_answer(call, await self._transport.send(call), JsonObject)


def _page(selection: Selection, chunk: int, token: str) -> Call:
    query = selection.query(limit=str(chunk), **{"continue": token})
    return Call(verb="list", kind=selection.kind, namespace=selection.namespace, query=query)


def _token_call(namespace: str, account: str, audiences: list[str], **query: str) -> Call:
    spec = {"audiences": audiences, "expirationSeconds": TOKEN_SECONDS}
    return Call(
        verb="create",
        kind=SERVICE_ACCOUNTS,
        namespace=namespace,
        name=account,
        subresource="token",
        query=query,
        body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
    )


def _writing(manager: str, *, strict: bool) -> dict[str, str]:
    return {"fieldManager": manager, "fieldValidation": "Strict" if strict else ""}


def _call(verb: Verb, kind: Kind, body: JsonObject, query: dict[str, str], content_type: str = JSON) -> Call:
    metadata = body["metadata"]
    return Call(
        verb=verb,
        kind=kind,
        namespace=metadata.get("namespace"),
        name=metadata["name"],
        query=query,
        body=body,
        content_type=content_type,
    )
