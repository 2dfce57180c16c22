"""Clients of OSS and what they learn of buckets."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

import oss2
from oss2.credentials import StaticCredentialsProvider

from clusterstate.store.backends.oss.config import ClientInputs, Keys
from clusterstate.store.backends.oss.errors import rejects_credentials
from clusterstate.store.backends.oss.identity import Used, make_source, name_principal
from clusterstate.store.sessions import wired

SdkBucket: TypeAlias = Any
"""`oss2.Bucket`: the SDK has no types."""
T = TypeVar("T")

_APP = "clusterstate"
_NOBODY: Final = Keys("", "")


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
        self._source = make_source(inputs)
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
        return self._source.secrets

    def check(self, bucket: str) -> None:
        """Raise the SDK's error for a bucket that it can't call; nothing is asked."""
        self._open(bucket, _NOBODY)

    def call(self, bucket: str, work: Callable[[SdkBucket], T]) -> T:
        """Do one request by the SDK's bucket, with its errors.

        Where a role's credentials are rejected, it is done once more with others.
        """
        used = self._source.take()
        with self._rejecting(used):
            return work(self._open(bucket, used))
        return work(self._open(bucket, self._source.take()))

    @contextmanager
    def _rejecting(self, used: Used) -> Iterator[None]:
        """Have credentials replaced that are rejected, and keep silent about it where there may be others."""
        try:
            yield
        except oss2.exceptions.ServerError as error:
            if not rejects_credentials(error) or not self._source.reject(used):
                raise

    def _open(self, name: str, used: Used) -> SdkBucket:
        """Give the SDK's bucket; checksums are ours to compare, see `bucket`."""
        return oss2.Bucket(
            oss2.ProviderAuthV4(StaticCredentialsProvider(used.access_key, used.secret_key, used.token)),
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
