"""What a run claims, and what it says when somebody else holds the state. No run here comes as far as its store."""

from dataclasses import replace
from typing import cast

import pytest

from clusterstate.api.load import load
from clusterstate.context import Context, Memory
from clusterstate.errors import StateClaimed, StoreRefused
from clusterstate.gather import Access
from clusterstate.handlers.controller import Controller
from clusterstate.kube.client import Client
from clusterstate.plan.claims import Claim
from clusterstate.policy import Policy, Rule
from clusterstate.reconcile import Run, run
from clusterstate.settings import Settings
from clusterstate.store.credentials import Credentials, Source
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.options import StoreOptions
from tests.handlers.objects import KEY, Body, body

TOO_LONG = "x" * 300
NOWHERE: Body = {"store": {"url": f"file:///{TOO_LONG}"}}
"""A store that can be opened and not be listed: the system takes no such name."""


@pytest.fixture
def context() -> Context:
    return Context(cast("Client", None), Settings(file_roots=("/",)), {}, lambda *_: {})


async def claimed(context: Context) -> Claim:
    await run(context, body(1, uid="u2", **NOWHERE), Memory(origin_read=True))
    claim = context.claims.get(KEY)
    assert claim is not None
    return claim


async def test_a_store_that_was_not_reached_proves_nothing(context: Context) -> None:
    result = await run(context, body(1, uid="u2", **NOWHERE), Memory(origin_read=True))
    assert result.outcome is not None
    assert isinstance(result.outcome.error, StoreRefused)
    claim = await claimed(context)
    assert claim.endpoint == f"file:///{TOO_LONG}/prod"
    assert not claim.proven


async def test_a_proof_is_kept_while_the_store_is_out_of_reach(context: Context) -> None:
    context.claims.set(KEY, replace(await claimed(context), proven=True))
    assert (await claimed(context)).proven
    context.claims.set(KEY, replace(await claimed(context), endpoint=None))
    assert (await claimed(context)).proven


@pytest.mark.parametrize("other", [{"state": "file:///mine"}, {"endpoint": "elsewhere"}, {"uid": "u1"}])
async def test_a_proof_of_one_state_is_none_of_another(context: Context, other: dict[str, str]) -> None:
    """Else a run that ends after its object's text has changed would lend its proof to the new text."""
    context.claims.set(KEY, replace(await claimed(context), proven=True, **other))
    assert not (await claimed(context)).proven


@pytest.mark.parametrize("proxy", ["", "http://mine:3128"])
def test_what_came_through_a_proxy_of_its_own_proves_nothing(context: Context, proxy: str) -> None:
    """Not even what was proven before: the proxy may have come since."""
    state, store = load(body(1, uid="u2", store={"url": "s3://theirs"})), Location.parse("s3://theirs")
    credentials = Credentials(Source.SECRET)
    access = Access(store, store.child("prod"), StoreOptions(proxy=proxy), credentials, EndpointPolicy())
    for proven in (True, False):
        Run(context, state, Memory(origin_read=True)).claim(access, "", reached=proven)
        claim = context.claims.get(KEY)
        assert claim is not None
        assert claim.proven is not bool(proxy)
        context.claims.set(KEY, replace(claim, proven=True))


@pytest.mark.parametrize(("namespace", "named"), [("clusters", True), ("secretive", False)])
async def test_the_holder_is_named_in_its_own_namespace_alone(
    context: Context,
    namespace: str,
    named: bool,  # noqa: FBT001 - a column of the table
) -> None:
    older = replace(await claimed(context), uid="u1", created="2020", namespace=namespace, proven=True)
    context.claims.set((namespace, "older"), older)
    result = await run(context, body(1, uid="u2", **NOWHERE), Memory(origin_read=True))
    assert result.outcome is not None
    error = result.outcome.error
    assert isinstance(error, StateClaimed)
    assert ("older is older" in error.message) is named
    assert "secretive" not in error.message


async def test_who_gives_up_a_claim_tells_whom_that_frees(context: Context) -> None:
    mine = await claimed(context)
    younger = ("clusters", "younger")
    context.claims.set(younger, replace(mine, uid="u9", created="2030"))
    assert context.claims.holder(younger) == KEY
    result = await run(context, body(1, uid="u2", **NOWHERE, sync={"dryRun": True}), Memory(origin_read=True))
    assert result.freed == (younger,)
    assert context.claims.holder(younger) is None


def test_what_the_policy_does_not_give_claims_nothing() -> None:
    """Not even what an object once proved, which its status tells: whoever has the state now would wait for it."""
    told = {"url": "s3://acme/team-b/prod", "endpoint": "", "files": 1, "knownFiles": 1, "bytes": 1, "digest": "d"}
    for stores, claims in (("s3://acme/team-b", True), ("s3://acme/team-a", False)):
        policy = Policy(rules=(Rule(namespaces=("clusters",), stores=(stores,)),))
        context = Context(cast("Client", None), Settings(), {}, lambda *_: {}, policy=policy)
        before = body(1, store={"url": "s3://acme/team-b", "credentialsSecretRef": {"name": "store"}})
        Controller(context).foresee({**before, "status": {"store": told}})
        claim = context.claims.get(KEY)
        assert (claim is not None and claim.proven) is claims
