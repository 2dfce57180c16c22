"""SDK clients, cached by all their inputs.

A client made from explicit keys knows nothing of the operator's environment: no variable, profile, shared file,
proxy or metadata service.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config as SdkConfig
from botocore.configprovider import ConfigValueStore, ConstantProvider
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import IMDSRegionProvider

from clusterstate.store.s3 import connections
from clusterstate.store.s3.config import DEFAULT_REGION, ClientInputs
from clusterstate.store.threads import LANE, Lane, host_lane

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logging.getLogger("botocore").setLevel(logging.INFO)  # its DEBUG shows tokens and what it signs

CONNECT_SECONDS: Final = 5.0
MOST_CLIENTS: Final = 256
"""Clients kept for the next run; each takes about half a megabyte."""
CLIENT_SECONDS: Final = 3600.0
"""How long a client is kept that nobody asks for."""

_LOADER: Final = Loader()
"""The SDK's models, read once: with a loader of its own a client costs 0.1 s and 12 MB, with this one 0.01 s."""


@dataclass(slots=True)
class BucketFacts:
    """What was learnt about a bucket, for as long as the client lives."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody asks, so that nobody asks twice."""
    region: str = ""
    """Empty: not known yet."""
    encrypts: bool | None = None
    """Whether it says that it encrypts by itself; None: not asked yet."""


class Client:
    """One client of the SDK with its share of the threads; safe to use from many threads and stores."""

    def __init__(self, inputs: ClientInputs) -> None:
        self.inputs = inputs
        self.s3 = _make(inputs)
        host = urlsplit(self.endpoint).hostname or ""
        self.lane = Lane(LANE, host_lane(host, named=inputs.guard is not None), inputs.call_seconds)
        self._facts: dict[tuple[str, str], BucketFacts] = {}
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        """The URL that requests go to."""
        return self.s3.meta.endpoint_url

    def facts(self, bucket: str, owner: str) -> BucketFacts:
        """Give what is known of a bucket that has to belong to an account (or to anyone: empty)."""
        with self._lock:
            return self._facts.setdefault((bucket, owner), BucketFacts())


class Clients:
    """A cache of clients; one that nobody asked for in a while is dropped, and with it the keys that it holds.

    A store keeps its client for as long as it lives, whether it is still in the cache or not. Connections are
    closed when nobody has the client any more.
    """

    def __init__(
        self, most: int = MOST_CLIENTS, seconds: float = CLIENT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: OrderedDict[ClientInputs, tuple[Client, float]] = OrderedDict()

    def get(self, inputs: ClientInputs) -> Client:
        """Give the client of these inputs; blocks for some ten milliseconds while it is made."""
        with self._lock:
            now = self._clock()
            client = self._clients.pop(inputs)[0] if inputs in self._clients else Client(inputs)
            self._clients[inputs] = (client, now)
            while len(self._clients) > self._most or self._oldest() < now - self._seconds:
                self._clients.popitem(last=False)
            return client

    def _oldest(self) -> float:
        """Give the time of the longest unused one's last use."""
        return next(iter(self._clients.values()))[1]


CLIENTS: Final = Clients()
"""The process's clients. Shared by all stores, so that a run finds connections and facts of the run before."""


def with_region(inputs: ClientInputs) -> ClientInputs:
    """Fill in the region where neither options nor `AWS_REGION` say it; may ask the machine, so it blocks."""
    return inputs if inputs.region else replace(inputs, region=machine_region() or DEFAULT_REGION)


@lru_cache(maxsize=1)
def machine_region() -> str:
    """Give the region that EC2's metadata service names, asked once for a second at most; empty elsewhere."""
    return IMDSRegionProvider(Session()).provide() or ""


def _make(inputs: ClientInputs) -> "S3Client":
    keys = inputs.keys
    session = _sealed_session() if keys else Session()
    session.register_component("data_loader", _LOADER)
    client = session.create_client(
        "s3",
        region_name=inputs.region,
        endpoint_url=inputs.endpoint or None,
        verify=True if keys else None,
        aws_access_key_id=keys.access_key if keys else None,
        aws_secret_access_key=keys.secret_key if keys else None,
        aws_session_token=(keys.token or None) if keys else None,
        config=_sdk_config(inputs),
    )
    connections.use(client, inputs.guard)
    return cast("S3Client", client)


def _sealed_session() -> botocore.session.Session:
    """Give a session in which every setting has the SDK's default: environment and files have no say."""
    session = Session()
    defaults = {name: ConstantProvider(default) for name, (_, _, default, _) in session.SESSION_VARIABLES.items()}
    nowhere = {name: ConstantProvider(os.devnull) for name in ("config_file", "credentials_file")}
    session.register_component("config_store", ConfigValueStore(mapping=defaults | nowhere))
    return session


def _sdk_config(inputs: ClientInputs) -> SdkConfig:
    """Give the client's settings: kops's for custom endpoints, no retries anywhere."""
    custom = bool(inputs.endpoint)
    checksums: Literal["when_required", "when_supported"] = "when_required" if custom else "when_supported"
    own: dict[str, Any] = {"proxies": {}, "ignore_configured_endpoint_urls": True} if inputs.keys else {}
    return SdkConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path" if custom else "auto"},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=inputs.read_seconds,
        max_pool_connections=LANE,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": 1},
        **own,
    )
