"""Stores on the suite's Swift."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from clusterstate.store.backends.swift.client import Client
from clusterstate.store.backends.swift.config import ClientInputs, make_inputs
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.backends.swift.store import make_store
from clusterstate.store.base import ABSENT, Store
from clusterstate.store.buckets import BucketStore
from clusterstate.store.credentials import Credentials
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.faults import FaultConformance
from tests.store.opening import LOOPBACK, opened
from tests.store.opening import secret as secret_of
from tests.support.faultproxy import Fault
from tests.support.openstack.identity import REGION, ApplicationCredential, User
from tests.support.openstack.server import LegacyUser, SwiftServer


def secret(data: Mapping[str, str]) -> Credentials:
    return secret_of("swift", data)


def variables(server: SwiftServer, user: User, **more: str) -> dict[str, str]:
    """Give the variables by which a user asks Keystone for a token of its project."""
    return {
        "OS_AUTH_URL": server.keystone.url,
        "OS_USERNAME": user.name,
        "OS_PASSWORD": user.password,
        "OS_PROJECT_NAME": user.project_name,
        "OS_DOMAIN_ID": user.domain_id,
        "OS_REGION_NAME": REGION,
        **more,
    }


def swift_secret(server: SwiftServer, user: User, **more: str) -> Credentials:
    return secret(variables(server, user, **more))


def application_secret(server: SwiftServer, made: ApplicationCredential, **more: str) -> Credentials:
    """Give what an application credential makes, by its id."""
    return secret(
        {
            "OS_AUTH_URL": server.keystone.url,
            "OS_APPLICATION_CREDENTIAL_ID": made.id,
            "OS_APPLICATION_CREDENTIAL_SECRET": made.secret,
            "OS_REGION_NAME": REGION,
            **more,
        }
    )


def legacy_secret(server: SwiftServer, user: LegacyUser, **more: str) -> Credentials:
    return secret(
        {
            "OS_AUTH_URL": f"{server.legacy_url}/auth/v1.0",
            "OS_USERNAME": user.name,
            "OS_PASSWORD": user.password,
            **more,
        }
    )


async def make_container(credentials: Credentials) -> str:
    """Give the name of a fresh container of theirs, made as the store makes one."""
    name = f"test-{secrets.token_hex(5)}"
    async with opened(f"swift://{name}", credentials) as store:
        await store.write("first", b"x", expect=ABSENT)
        await store.delete("first")
    return name


@asynccontextmanager
async def bare(container: str, inputs: ClientInputs) -> AsyncIterator[BucketStore]:
    """Give a store without wrappers, by a client of its own."""
    store = make_store(Container(container, Client(inputs)))
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def hurried_at(container: str, credentials: Credentials) -> AsyncIterator[Store]:
    """Open a store that waits 0.3 seconds for a byte, without wrappers."""
    location = Location.parse(f"swift://{container}")
    inputs = make_inputs(Opening(location, StoreOptions(), credentials, LOOPBACK))
    async with bare(container, replace(inputs, wire=replace(inputs.wire, read_seconds=0.3))) as store:
        yield store


class SwiftFaultConformance(FaultConformance):
    """With any credentials the first request is for a token."""

    conflict = Fault(method="PUT", status=409)
    questions = 1

    @pytest.fixture
    async def store(self, container: str, credentials: Credentials) -> AsyncIterator[Store]:
        async with opened(f"swift://{container}", credentials) as store:
            yield store

    @pytest.fixture
    async def hurried(self, container: str, credentials: Credentials) -> AsyncIterator[Store]:
        async with hurried_at(container, credentials) as store:
            yield store


def permissions(who: str) -> dict[str, str]:
    """Give what a refusal asks for on behalf of who was refused, a pattern; for the exam of refusals."""
    return {
        name: rf"Grant a role of operator_roles, or the container's {acl} ACL \(X-Container-{acl.title()}\), to {who}\."
        for name, acl in (("list", "read"), ("read", "read"), ("write", "write"))
    }


def client_of(store: Any) -> Client:
    """Give the client under a store's wrappers."""
    while not isinstance(store, BucketStore):
        store = store._inner
    return store._bucket._client
