"""Who asks S3, for the SDK: static keys, the SDK's own chain or a web identity, and the roles assumed from there.

A session made for explicit credentials knows nothing of the operator's environment: no variable, profile, shared
file, proxy or metadata service. STS is asked at the store's own endpoint where that is a custom one (MinIO, Ceph and
others have it there), else at AWS's of the store's region.
"""

import logging
import os
from collections.abc import Callable
from typing import Any, Final

import botocore.session
from botocore.config import Config as SdkConfig
from botocore.configprovider import ConfigValueStore, ConstantProvider
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.session import Session

from clusterstate.store.backends.s3.config import ClientInputs, Keys, WebIdentity
from clusterstate.store.backends.s3.wiring import sdk_config, use
from clusterstate.store.options import Role

logging.getLogger("botocore").setLevel(logging.INFO)  # its DEBUG shows tokens and what it signs
logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)  # its warnings quote what a service repeats

_LOADER: Final = Loader()
"""The SDK's models, read once: with a loader of its own a client costs 0.1 s and 12 MB, with this one 0.01 s."""
_SESSION_NAME: Final = "clusterstate"
_LONGEST_NAME: Final = 64
"""Characters of a RoleSessionName (AWS STS API Reference, AssumeRole)."""

ClientMaker = Callable[..., Any]
Found = Credentials | DeferredRefreshableCredentials | None


class _Given:
    """A credential provider, in the SDK's terms, that has found something, or nothing, already."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def load_credentials(self) -> Found:
        return self._found


def make_session(inputs: ClientInputs) -> Session:
    """Give a session in which every client asks as `inputs` say; nothing is asked yet."""
    session = _sealed_session() if inputs.wire.sealed else Session()
    session.register_component("data_loader", _LOADER)
    if isinstance(inputs.who, WebIdentity):
        found: Found = _exchanged(inputs, inputs.who)
    elif isinstance(inputs.who, Keys):
        found = Credentials(inputs.who.access_key, inputs.who.secret_key, inputs.who.token or None)
    elif inputs.roles:
        found = Session().get_credentials()  # not of the same session, which would go on as who it found first
    else:
        return session
    for role in inputs.roles:
        found = _assumed(inputs, found, role)
    session.register_component("credential_provider", _Given(found))
    return session


def find_principal(inputs: ClientInputs, session: Session) -> str:
    """Give the name of who asks, as an administrator would look for it; asks AWS where only it knows."""
    if inputs.roles:
        return inputs.roles[-1].arn
    if isinstance(inputs.who, WebIdentity):
        return inputs.who.role
    if isinstance(inputs.who, Keys) and inputs.endpoint:
        return f"access key {inputs.who.access_key}"
    try:
        arn: str = _sts(session, inputs)("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError, KeyError, OSError):
        return f"access key {inputs.who.access_key}" if isinstance(inputs.who, Keys) else "the environment's identity"
    return arn


def _exchanged(inputs: ClientInputs, who: WebIdentity) -> DeferredRefreshableCredentials:
    name = f"{_SESSION_NAME}-{who.account.namespace}-{who.account.name}"[:_LONGEST_NAME]
    fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
        client_creator=_sts(_bare_session(), inputs),
        web_identity_token_loader=lambda: who.issuer.issue(who.audience),
        role_arn=who.role,
        extra_args={"RoleSessionName": name},
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "web-identity")


def _assumed(inputs: ClientInputs, source: Found, role: Role) -> DeferredRefreshableCredentials:
    external = {"ExternalId": role.external_id} if role.external_id else {}
    session = _bare_session() if inputs.wire.sealed else Session()
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=_sts(session, inputs),
        source_credentials=source,
        role_arn=role.arn,
        extra_args={"RoleSessionName": _SESSION_NAME, **external},
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _sts(session: Session, inputs: ClientInputs) -> ClientMaker:
    """Give what makes clients of STS: the SDK's fetchers bring the keys, or that none are needed."""

    def make(service: str, config: SdkConfig | None = None, **keys: Any) -> Any:  # noqa: ANN401 (the SDK's clients)
        own = sdk_config(inputs.wire).merge(SdkConfig(use_fips_endpoint=inputs.fips))
        client = session.create_client(
            service,
            region_name=inputs.region,
            endpoint_url=inputs.endpoint or None,
            config=own.merge(config) if config else own,
            **keys,
        )
        use(client, inputs.wire)
        return client

    return make


def _bare_session() -> Session:
    """Give a sealed session that asks as nobody."""
    session = _sealed_session()
    session.register_component("data_loader", _LOADER)
    session.register_component("credential_provider", _Given(None))
    return session


def _sealed_session() -> Session:
    """Give a session in which every setting has the SDK's default: environment and files have no say."""
    session = botocore.session.Session()
    defaults = {name: ConstantProvider(default) for name, (_, _, default, _) in session.SESSION_VARIABLES.items()}
    nowhere = {name: ConstantProvider(os.devnull) for name in ("config_file", "credentials_file")}
    session.register_component("config_store", ConfigValueStore(mapping=defaults | nowhere))
    return session
