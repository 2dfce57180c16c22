"""Clients of Google Cloud Storage on our connections, and what they learn of buckets."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Final

import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client as SdkClient

from clusterstate.store.backends.gcs.cluster import find_cluster
from clusterstate.store.backends.gcs.config import ClientInputs, Config, in_cluster
from clusterstate.store.backends.gcs.errors import require_object, require_success
from clusterstate.store.backends.gcs.identity import Identity
from clusterstate.store.backends.gcs.tokens import Tokens
from clusterstate.store.connections import expect_file
from clusterstate.store.sessions import wired

logging.getLogger("google").setLevel(logging.WARNING)  # its DEBUG shows tokens and what they are exchanged for
logging.getLogger("google.auth._default").setLevel(logging.ERROR)  # it warns that it knows no project: none is needed

_NO_PROJECT: Final = "none"
"""Files need none, and without a name the SDK looks for one in the environment."""


FACT_SECONDS: Final = 600.0
"""How long a bucket's own word is believed: for 90 days Google lets people take uniform access back."""


@dataclass(slots=True)
class BucketFacts:
    """What was learnt about a bucket."""

    clock: Callable[[], float]
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody asks, so that nobody asks twice."""
    uniform: bool | None = None
    """Whether its files have no access control lists of their own; None: not known yet."""
    denied: bool = False
    """Whether the bucket itself may not be asked that."""
    fresh_until: float = -inf
    """When it is to be asked again, by the clock."""

    @property
    def fresh(self) -> bool:
        """Whether the bucket needn't be asked again yet."""
        return self.clock() < self.fresh_until

    def learn(self, *, uniform: bool | None) -> None:
        """Note what the bucket said; None: that it may not be asked."""
        self.uniform, self.denied = uniform, uniform is None
        self.fresh_until = self.clock() + FACT_SECONDS

    def doubt(self) -> None:
        """Have the bucket asked the next time: what was missing may have been granted by then."""
        self.fresh_until = -inf


class Client:
    """One client of the SDK with its share of the threads; safe to use from many threads and stores."""

    def __init__(self, inputs: ClientInputs, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what it is made from, and the clock by which facts grow old."""
        self.inputs = inputs
        self._clock = clock
        self._identity = Identity(inputs)
        self.tokens = Tokens(self._identity, wired(requests.Session(), inputs.wire))
        self.sdk = _make_sdk(wired(_Session(self.tokens), inputs.wire), inputs.endpoint)
        self.lane = inputs.wire.lane(inputs.endpoint)
        self._facts: dict[str, BucketFacts] = {}
        self._lock = threading.Lock()

    @property
    def principal(self) -> str:
        """The name of who asks for files."""
        return self._identity.principal

    def facts(self, bucket: str) -> BucketFacts:
        """Give what is known of a bucket."""
        with self._lock:
            return self._facts.setdefault(bucket, BucketFacts(self._clock))


def complete(config: Config) -> Config:
    """Fill in the cluster whose pool a service account belongs to, where nothing names it; may ask, so it blocks."""
    if not config.metadata_host:
        return config
    return replace(config, inputs=in_cluster(config.inputs, find_cluster(config.metadata_host)), metadata_host="")


class _Session(requests.Session):
    """Requests that carry an access token; refusals, and what is no JSON where it must be, go no further than here."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def request(  # type: ignore[override] # the SDK gives all by name
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,  # noqa: ANN401 (passed on)
    ) -> requests.Response:
        """Send it; with a token that isn't taken any more it is sent once again, with a new one."""
        sent = dict(headers or {})
        renewed = self._tokens.apply(sent)
        answer = super().request(method, url, headers=sent, **kwargs)
        if answer.status_code == requests.codes.unauthorized and not renewed:
            answer.close()
            self._tokens.reject(sent)
            self._tokens.apply(sent)
            answer = super().request(method, url, headers=sent, **kwargs)
        require_success(answer)
        if kwargs.get("stream"):
            expect_file(answer.raw)
        elif method != "DELETE":
            require_object(answer)
        return answer


def _make_sdk(session: requests.Session, endpoint: str) -> SdkClient:
    client = SdkClient(
        project=_NO_PROJECT,
        credentials=AnonymousCredentials(),  # the session brings the tokens
        client_options=ClientOptions(api_endpoint=endpoint),
        _http=session,
    )
    client._connection.API_BASE_MTLS_URL = endpoint  # noqa: SLF001 (or a variable of the environment leads elsewhere)
    # Or threads of the SDK's own ask for each bucket's metadata, to adorn traces that nobody takes.
    client._bucket_metadata_cache = None  # type: ignore[assignment] # as its close() allows for # noqa: SLF001
    return client
