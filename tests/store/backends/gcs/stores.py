"""Stores on the suite's Google Cloud."""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from joserfc.jwk import RSAKey

from clusterstate.store.backends.gcs.bucket import Bucket
from clusterstate.store.backends.gcs.clients import Client
from clusterstate.store.backends.gcs.config import Config
from clusterstate.store.backends.gcs.store import make_store
from clusterstate.store.base import Store
from clusterstate.store.buckets import BucketStore
from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.options import StoreOptions
from tests.store.opening import LOOPBACK, opened
from tests.store.opening import secret as secret_of
from tests.support.faultproxy import FaultProxy
from tests.support.gcs.server import EVERYTHING, GcsServer, GoogleAccount

WEB_TOKEN = "urn:ietf:params:oauth:token-type:jwt"


def secret(document: str, **more: str) -> Credentials:
    return secret_of("gs", {"GOOGLE_APPLICATION_CREDENTIALS": document, **more})


def knowing(*token_urls: str) -> EndpointPolicy:
    """Give the policy of an operator that knows these token services."""
    return replace(LOOPBACK, token_urls=token_urls)


def open_as(
    server: GcsServer,
    url: str,
    account: GoogleAccount,
    options: StoreOptions | None = None,
) -> AbstractAsyncContextManager[Store]:
    """Open a store at the server's own address; options may name another."""
    options = options or StoreOptions()
    here = options if options.endpoint else replace(options, endpoint=server.endpoint)
    return opened(url, secret(account.document), here, knowing(server.endpoint))


def open_through(face: FaultProxy, url: str, credentials: Credentials) -> AbstractAsyncContextManager[Store]:
    """Open a store that asks this face for everything; so the credentials' tokens have to be from there."""
    return opened(url, credentials, StoreOptions(endpoint=face.endpoint), knowing(face.endpoint))


def of_config(bucket: str, config: Config, clock: Callable[[], float] = time.monotonic) -> BucketStore:
    """Give a store without wrappers, by a client of its own."""
    return make_store(Bucket(f"gs://{bucket}", config, Client(config.inputs, clock)))


@dataclass(frozen=True)
class Federated:
    """A provider of workload identities, and the document that leads to it."""

    audience: str
    document: str = field(repr=False)
    principal: str
    """Who has exchanged a token of the usual subject."""


def federation(server: GcsServer, key: RSAKey | None = None, *, url: str = "", **fields: Any) -> Federated:
    """Let tokens signed by a key be exchanged, or whatever else `fields` say of the provider.

    `url` is where the document sends whoever has it; empty: to the server itself.
    """
    pool = f"projects/123456789012/locations/global/workloadIdentityPools/pool-{secrets.token_hex(4)}"
    audience = f"//iam.googleapis.com/{pool}/providers/cluster"
    subject = f"principal://iam.googleapis.com/{pool}/subject/"
    server.create_provider(audience, f"{subject}{{}}", key, token_audience=audience, **fields)
    principal = f"{subject}system:serviceaccount:clusters:state"
    server.permit(principal, EVERYTHING)
    document = {
        "type": "external_account",
        "audience": audience,
        "subject_token_type": WEB_TOKEN,
        "token_url": f"{url or server.endpoint}/v1/token",
    }
    return Federated(audience, json.dumps(document), principal)
