"""Clients of OSS and what they learn of buckets."""

import threading
from dataclasses import dataclass, field
from typing import Any

import oss2

from clusterstate.store.backends.oss.config import ClientInputs, Keys
from clusterstate.store.backends.oss.identity import make_provider, name_principal
from clusterstate.store.sessions import wired

_APP = "clusterstate"


@dataclass(slots=True)
class BucketFacts:
    """What was learnt about a bucket, for as long as the client lives."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody asks, so that nobody asks twice."""
    region: str = ""
    """Empty: not known yet."""


class Client:
    """One client of the SDK with its share of the threads; safe to use from many threads and stores."""

    def __init__(self, inputs: ClientInputs) -> None:
        self.inputs = inputs
        self._provider = make_provider(inputs)
        self._auth = oss2.ProviderAuthV4(self._provider)
        self._session = oss2.Session()
        wired(self._session.session, inputs.wire)
        self.lane = inputs.wire.lane(inputs.endpoint)
        self._facts: dict[str, BucketFacts] = {}
        self._lock = threading.Lock()

    @property
    def principal(self) -> str:
        """The name of who asks."""
        return name_principal(self.inputs.who)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show."""
        who = self.inputs.who
        return (who.secret_key, who.token) if isinstance(who, Keys) else self._provider.secrets

    def bucket(self, name: str) -> Any:  # noqa: ANN401 (the SDK has no types)
        """Give the SDK's bucket; checksums are ours to compare, see `bucket`."""
        return oss2.Bucket(
            self._auth,
            self.inputs.endpoint,
            name,
            session=self._session,
            app_name=_APP,
            enable_crc=False,
            region=self.inputs.region,
        )

    def facts(self, bucket: str) -> BucketFacts:
        """Give what is known of a bucket."""
        with self._lock:
            return self._facts.setdefault(bucket, BucketFacts())
