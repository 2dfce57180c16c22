"""Answers that no honest API server gives in place of kops's objects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from clusterstate.errors import ClusterStateError, IntegrityFailed
from clusterstate.state.kops_resources.objects import ResourceStore
from tests.kube.proxies import scripted
from tests.state.kops_resources.samples import samples
from tests.store.backends.kubernetes.stores import GARBAGE, everywhere, namespace_at
from tests.store.conformance import entries_of, keys_of

CLUSTER = "c.example.com"
NAMES = {
    "config": CLUSTER,
    "instance group": "nodes-us-east-1a",
    "keyset": "kubernetes-ca",
    "secret": "token-dockerconfig",
    "ssh key": "admin",
}


@asynccontextmanager
async def objects_at(url: str) -> AsyncIterator[ResourceStore]:
    async with namespace_at(url) as namespace:
        yield ResourceStore(namespace, CLUSTER)


def served(name: str, **spec: Any) -> dict[str, Any]:
    """Give an object as an API server would."""
    metadata = {"name": name, "resourceVersion": "1", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"apiVersion": "kops.k8s.io/v1alpha2", "kind": "Any", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("kind", NAMES)
async def test_what_is_no_object_is_told_and_named(garbage: str, kind: str) -> None:
    sample, body = samples(CLUSTER)[kind], served(NAMES[kind])
    GARBAGE[garbage](body)
    async with scripted(everywhere(body)) as url, objects_at(url) as store:
        works = (keys_of(store), store.read(sample.key), store.write(sample.key, sample.first))
        for work in (*works, store.delete(sample.key)):
            with pytest.raises(IntegrityFailed, match="in namespace n has metadata") as caught:
                await work
            assert "canary" not in caught.value.message


SPECS: dict[str, Any] = {
    "none": None,
    "a list": ["x"],
    "keys are a map": {"type": "Secret", "keys": {"a": 1}},
    "keys are texts": {"type": "Secret", "keys": ["a"]},
    "ids of all sorts": {"type": "Secret", "keys": [{"id": 1}, {"id": None}, {"id": "1" * 5000}, {}]},
    "material is a number": {"type": "Secret", "keys": [{"id": "1", "privateMaterial": 1}]},
    "key pairs are a text": {"type": "Keypair", "keys": "x"},
    "an SSH key is a number": {"publicKey": 1},
}


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kind", NAMES)
async def test_an_odd_spec_is_nobody_s_crash(spec: str, kind: str) -> None:
    """What is no file of kops is none here, and everything else is shown as it is."""
    sample = samples(CLUSTER)[kind]
    body = {**served(NAMES[kind]), "spec": SPECS[spec]}
    body["metadata"] |= {"annotations": None, "labels": None, "generation": "x"}
    async with scripted(everywhere(body)) as url, objects_at(url) as store:
        works = (store.read(sample.key), store.write(sample.key, sample.first), store.delete(sample.key))
        outcomes = await asyncio.gather(*works, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [error for error in errors if not isinstance(error, ClusterStateError)] == []


async def test_a_secret_s_material_is_a_text_whatever_it_holds() -> None:
    body = served("token-a", type="Secret", keys=[{"id": "1", "privateMaterial": 'a"b\\'}])
    async with scripted(everywhere(body)) as url, objects_at(url) as store:
        assert (await store.read("secrets/a")).data == b'{"Data":"a\\"b\\\\"}'


async def test_bodies_are_asked_for_by_the_fifty() -> None:
    """They have their content, and may have a mebibyte each."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.query["limit"])
        start = int(request.query.get("continue", "0"))
        if "instancegroups" not in request.path:
            return web.json_response({"metadata": {}, "items": []})
        items = [served(f"group-{number:03}") for number in range(start, start + 50)]
        follows = str(start + 50) if start < 100 else ""
        return web.json_response({"metadata": {"continue": follows}, "items": items})

    async with scripted(answer) as url, objects_at(url) as store:
        assert len(await entries_of(store)) == 150
    assert set(asked) == {"50"}
