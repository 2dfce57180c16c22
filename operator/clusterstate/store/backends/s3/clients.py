"""Clients of S3 and what they learn of buckets."""

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config as SdkConfig
from botocore.session import Session
from botocore.utils import IMDSRegionProvider

from clusterstate.store.backends.s3.config import DEFAULT_REGION, ClientInputs
from clusterstate.store.backends.s3.identity import find_principal, make_session
from clusterstate.store.backends.s3.wiring import sdk_config, use
from clusterstate.store.endpoints import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(slots=True)
class BucketFacts:
    """What was learnt about a bucket, for as long as the client lives."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody asks, so that nobody asks twice."""
    region: str = ""
    """Empty: not known yet."""
    encrypts: bool | None = None
    """Whether it says that it encrypts by itself; None: not asked yet."""
    encryption_denied: bool = False
    """Whether it may not be asked that."""
    digests: bool = False
    """Whether an ETag was seen to be the MD5 of a file's bytes."""


class Client:
    """One client of the SDK with its share of the threads; safe to use from many threads and stores."""

    def __init__(self, inputs: ClientInputs) -> None:
        self.inputs = inputs
        self._session = make_session(inputs)
        self.s3 = _make(self._session, inputs)
        self.lane = inputs.wire.lane(self.endpoint)
        self._facts: dict[tuple[str, str], BucketFacts] = {}
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        """The URL that requests go to."""
        return self.s3.meta.endpoint_url

    @cached_property
    def principal(self) -> str:
        """The name of who asks; the first look may take a request."""
        return find_principal(self.inputs, self._session)

    def facts(self, bucket: str, owner: str) -> BucketFacts:
        """Give what is known of a bucket that has to belong to an account (or to anyone: empty)."""
        with self._lock:
            return self._facts.setdefault((bucket, owner), BucketFacts())


def with_region(inputs: ClientInputs) -> ClientInputs:
    """Fill in the region where neither options nor `AWS_REGION` say it; may ask the machine, so it blocks."""
    return inputs if inputs.region else replace(inputs, region=machine_region() or DEFAULT_REGION)


@lru_cache(maxsize=1)
def machine_region() -> str:
    """Give the region that EC2's metadata service names, asked once for a second at most; empty elsewhere."""
    return IMDSRegionProvider(Session()).provide() or ""


def _make(session: Session, inputs: ClientInputs) -> "S3Client":
    client = _create(session, inputs)
    if inputs.dual_stack and not Endpoint.parse(client.meta.endpoint_url).is_aws:
        client = _create(session, replace(inputs, dual_stack=False))  # the environment names an address, with its own
    use(client, inputs.wire)
    client.meta.events.register("before-call.s3.HeadBucket", _stay)
    return client


def _stay(context: dict[str, Any], **_: object) -> None:
    """Have the SDK follow no redirect of HeadBucket, which is how it finds out where another redirect leads.

    It asks again for each of them, so that a server that always redirects would have it recurse without end.
    """
    context["s3_redirect"]["redirected"] = True


def _create(session: Session, inputs: ClientInputs) -> "S3Client":
    client = session.create_client(
        "s3",
        region_name=inputs.region,
        endpoint_url=inputs.endpoint or None,
        config=sdk_config(inputs.wire).merge(_s3_config(inputs)),
    )
    return cast("S3Client", client)


def _s3_config(inputs: ClientInputs) -> SdkConfig:
    """Give kops's settings: custom endpoints get path style and no checksums that they might not know."""
    if inputs.endpoint:
        return SdkConfig(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
    return SdkConfig(
        signature_version="s3v4",
        s3={"addressing_style": "auto"},
        request_checksum_calculation="when_supported",
        response_checksum_validation="when_supported",
        use_dualstack_endpoint=inputs.dual_stack,
        use_fips_endpoint=inputs.fips,
    )
