"""What a client of S3 is made from, and what it learns."""

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from clusterstate.store.backends.s3.clients import Client, machine_region, with_region
from clusterstate.store.backends.s3.config import DEFAULT_REGION, ClientInputs, Keys, WebIdentity
from clusterstate.store.credentials import ServiceAccount
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.options import Role
from clusterstate.store.wire import Wire
from tests.store.canned import canned


class NoTokens:
    def issue(self, audience: str) -> str:
        raise AssertionError(audience)


ACCOUNT = ServiceAccount("clusters", "state", "uid-1")
ONE = ClientInputs(Keys("access", "secret"), "http://127.0.0.1:9", "us-east-1")
WEB = replace(ONE, who=WebIdentity("arn:aws:iam::1:role/a", "sts.amazonaws.com", ACCOUNT, NoTokens()))
OTHERS = [
    replace(ONE, who=Keys("other", "secret")),
    replace(ONE, who=Keys("access", "other")),
    replace(ONE, who=Keys("access", "secret", "token")),
    replace(ONE, who=None),
    WEB,
    replace(WEB, who=replace(WEB.who, role="arn:aws:iam::1:role/b")),
    replace(WEB, who=replace(WEB.who, audience="other")),
    replace(WEB, who=replace(WEB.who, account=replace(ACCOUNT, uid="uid-2"))),
    replace(WEB, who=replace(WEB.who, account=replace(ACCOUNT, namespace="other"))),
    replace(ONE, endpoint="http://127.0.0.1:10"),
    replace(ONE, region="eu-west-1"),
    replace(ONE, roles=(Role("arn:aws:iam::1:role/a"),)),
    replace(ONE, roles=(Role("arn:aws:iam::1:role/a", "external"),)),
    replace(ONE, dual_stack=False),
    replace(ONE, fips=True),
    replace(ONE, wire=Wire(guard=EndpointPolicy())),
    replace(ONE, wire=Wire(guard=EndpointPolicy(allowed=("127.0.0.1",)))),
    replace(ONE, wire=Wire(proxy="http://proxy:3128")),
    replace(ONE, wire=Wire(ca_bundle="-----BEGIN")),
    replace(ONE, wire=Wire(sealed=False)),
]


def test_any_two_inputs_are_different_keys_of_the_cache() -> None:
    assert len({ONE, *OTHERS}) == 1 + len(OTHERS)


def test_who_issues_the_tokens_is_no_difference() -> None:
    assert replace(WEB, who=replace(WEB.who, issuer=NoTokens())) == WEB


def test_facts_are_per_bucket_and_owner() -> None:
    client = Client(ONE)
    assert client.facts("b", "") is client.facts("b", "")
    assert client.facts("b", "") is not client.facts("c", "")
    assert client.facts("b", "") is not client.facts("b", "123456789012")


def test_no_text_of_inputs_shows_a_key() -> None:
    assert "secret" not in repr(ONE).replace("secret_key", "")
    assert "access'" not in repr(ONE)


def test_the_region_is_the_one_given_else_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    machine_region.cache_clear()
    assert with_region(ClientInputs(None, region="eu-west-1")).region == "eu-west-1"
    assert with_region(ClientInputs(None)).region == DEFAULT_REGION
    machine_region.cache_clear()


async def test_the_machine_is_asked_by_its_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: web.Request) -> web.Response:
        return web.Response(text="token" if request.method == "PUT" else "eu-west-3a")

    async with canned(answer) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.endpoint)
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
        machine_region.cache_clear()
        assert (await asyncio.to_thread(with_region, ClientInputs(None))).region == "eu-west-3"
        assert (await asyncio.to_thread(with_region, ClientInputs(None))).region == "eu-west-3"
    machine_region.cache_clear()
    assert [request.method for request in server.requests] == ["PUT", "GET"]
