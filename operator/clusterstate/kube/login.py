"""The way in: which server, which TLS, which token; and a fresh token when the old one has had its time.

Reading kubeconfigs (exec plugins too) and a Pod's service account is the Kubernetes client's work. Its own
messages are not passed on, since some of them quote the whole user entry of a kubeconfig.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, Self

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import list_kube_config_contexts, load_kube_config
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)

from clusterstate.errors import KubeRefused, KubeUnavailable
from clusterstate.kube.memfiles import in_memory
from clusterstate.kube.requests import FencedRequest

BEFORE_EXPIRY: Final = timedelta(minutes=1)
BETWEEN_RENEWALS: Final = 10.0
"""Seconds between two readings of the credentials, however many requests are turned down meanwhile."""
UNLIMITED: Final = 0
DEFAULT_NAMESPACE: Final = "default"

_EXPECTED: Final = re.compile(r"Expected (key|object with name) [\w.@:/-]+")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What one reading gave."""

    configuration: Configuration
    expires: datetime | None
    """When an exec plugin's token ends, if it said so."""


class Source(Protocol):
    """A place where credentials come from."""

    async def read(self) -> Credentials:
        """Read them; raise `KubeRefused` when there are none that can be used."""
        ...


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A kubeconfig: token, client certificate, exec plugin, whatever kubectl takes."""

    path: Path | None = None
    """None: where kubectl looks."""
    context: str | None = None
    """None: the current one."""

    async def read(self) -> Credentials:
        """Read the file, and run its plugin."""
        if self.path and not self.path.is_file():
            raise KubeRefused(f"There is no kubeconfig {self.path}. Name another.")
        if not self.path and not _usual_file():
            raise KubeRefused("There is no kubeconfig, by KUBECONFIG or at ~/.kube/config. Name one by --kubeconfig.")
        configuration = _configuration()
        try:
            with in_memory(configuration):
                loader = await load_kube_config(  # type: ignore[no-untyped-call] # as its author left it
                    config_file=str(self.path) if self.path else None,
                    context=self.context,
                    client_configuration=configuration,
                    persist_config=False,
                )
        except Exception as error:  # noqa: BLE001 - the loader lets whatever a broken file causes through
            where = self.path or ("of KUBECONFIG" if os.environ.get("KUBECONFIG") else "in its usual place")
            raise KubeRefused(f"The kubeconfig {where} can't be used: {_explain(error)}. Correct it.") from None
        return Credentials(configuration, getattr(loader, "exec_plugin_expiry", None))


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The service account of the Pod that we run in; its token file is read again every minute."""

    token: Path = Path(SERVICE_TOKEN_FILENAME)
    ca: Path = Path(SERVICE_CERT_FILENAME)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    async def read(self) -> Credentials:
        """Read the mounted files."""
        configuration = _configuration()
        loader = InClusterConfigLoader(  # type: ignore[no-untyped-call] # as its author left it
            token_filename=str(self.token), cert_filename=str(self.ca), environ=self.environ
        )
        try:
            loader.load_and_set(configuration)  # type: ignore[no-untyped-call] # as its author left it
        except (ConfigException, OSError) as error:
            raise KubeRefused(f"The Pod's service account can't be used: {_explain(error)}.") from None
        return Credentials(configuration, None)


def _usual_file() -> bool:
    """Whether there is anything where kubectl looks."""
    paths = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return any(Path(os.path.expanduser(each)).exists() for each in paths.split(os.pathsep) if each)  # noqa: PTH111 (pathlib fails without a home)


def home_namespace(kubeconfig: Path | None, context: str | None) -> str:
    """Give the namespace that kubectl would take where none is named: the context's, the Pod's, else `default`."""
    source = choose_source(kubeconfig, context)
    if isinstance(source, ServiceAccount):
        mounted = source.token.with_name("namespace")
        return mounted.read_text().strip() if mounted.is_file() else DEFAULT_NAMESPACE
    try:
        contexts, current = list_kube_config_contexts(str(kubeconfig) if kubeconfig else None)  # type: ignore[no-untyped-call] # as its author left it
    except Exception:  # noqa: BLE001 - the loader lets whatever a broken file causes through; who connects explains it
        return DEFAULT_NAMESPACE
    chosen = current if context is None else next((each for each in contexts if each["name"] == context), None)
    return str(((chosen or {}).get("context") or {}).get("namespace") or DEFAULT_NAMESPACE)


def choose_source(kubeconfig: Path | None, context: str | None) -> Source:
    """Give what kubectl would take: what is named, else the Pod's service account, else the usual kubeconfig."""
    if kubeconfig is None and context is None and SERVICE_HOST_ENV_NAME in os.environ:
        return ServiceAccount()
    return Kubeconfig(kubeconfig, context)


class Login:
    """Credentials of one user for one server, read again when they end or are turned down."""

    def __init__(self, source: Source, credentials: Credentials) -> None:
        self._source = source
        self._credentials = credentials
        self._lock = asyncio.Lock()
        self._renewed = asyncio.get_running_loop().time()

    @classmethod
    async def read(cls, source: Source) -> Self:
        """Read the credentials; raise `KubeRefused` when there are none that can be used."""
        return cls(source, await source.read())

    @property
    def configuration(self) -> Configuration:
        """Server and TLS, for the client library."""
        return self._credentials.configuration

    async def authorization(self) -> dict[str, str]:
        """Give the header that says who asks; empty where a client certificate does."""
        expires = self._credentials.expires
        if expires and datetime.now(UTC) > expires - BEFORE_EXPIRY:
            await self.renew()
        try:
            token = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (ConfigException, OSError) as error:
            raise KubeUnavailable(f"The token for the Kubernetes API can't be read: {_explain(error)}.") from None
        return {"Authorization": token} if token else {}

    async def renew(self) -> None:
        """Read the credentials again, unless that has just been done."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._renewed > BETWEEN_RENEWALS:
                self._credentials = await self._source.read()
                self._renewed = now


def _configuration() -> Configuration:
    configuration = Configuration()
    # Watches hold connections for long; how many requests run at once is the client's own decision.
    configuration.connection_pool_maxsize = UNLIMITED
    configuration.client_session_kwargs = {"request_class": FencedRequest}
    return configuration


def _explain(error: Exception) -> str:
    expected = _EXPECTED.search(str(error)) if isinstance(error, ConfigException) else None
    return expected[0] if expected else type(error).__name__
