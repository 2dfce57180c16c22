"""One bucket, one request per method, blocking; and what has to be learnt about the bucket first.

Region (kops, util/pkg/vfs/s3context.go): AWS buckets are asked by GetBucketLocation, where empty means us-east-1
and `EU` eu-west-1; where that is denied, HeadBucket's header tells. Encryption: with `Auto`, AES256 is asked for
unless GetBucketEncryption tells of a default. Both are asked once per bucket and client.

Integrity: the SDK compares checksums where AWS sends them. Elsewhere a file's ETag is compared with the MD5 of its
bytes as soon as one has been seen to be that, as it is wherever nothing but the service's own keys encrypt (Amazon S3
API Reference, "Object", ETag).
"""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from botocore.exceptions import ClientError

from clusterstate.api.store import Encryption
from clusterstate.errors import AccessDenied, IntegrityFailed, StoreError, StoreUnavailable
from clusterstate.store.backends.s3.clients import BucketFacts, Client
from clusterstate.store.backends.s3.config import DEFAULT_REGION, ClientInputs, Config, Keys
from clusterstate.store.backends.s3.errors import PERMISSIONS, headers_of, translating
from clusterstate.store.base import Blob, Entry, Page, Sink, Streamed, Version
from clusterstate.store.body import Content, md5_of, opened
from clusterstate.store.failures import Request, nobody
from clusterstate.store.listing import PAGE_SIZE, ListPosition, is_folder_marker
from clusterstate.store.sinks import Whole, pour
from clusterstate.store.threads import Lane

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_OLD_REGIONS: Final = {"": DEFAULT_REGION, "EU": "eu-west-1"}
"""What GetBucketLocation says of buckets made before regions had their names."""
_REGION_HEADER = "x-amz-bucket-region"
_OWN_ENCRYPTION: Final = frozenset({"", Encryption.AES256.value})
"""With these an ETag is an MD5."""

ClientOf = Callable[[ClientInputs], Client]


class Bucket:
    """A bucket, used as one configuration says."""

    impossible: Final = "0" * 32
    """An ETag that no file has: an MD5 of zeros has no known source."""

    def __init__(self, url: str, config: Config, client_of: ClientOf) -> None:
        """Take the bucket's URL, how it is used, and what gives clients."""
        self._url = url
        self._name = url.rpartition("/")[2]
        self._config = config
        self._client_of = client_of
        self._home = client_of(config.inputs)
        self._near: Client | None = None
        self._content_type = ""

    def typed(self, content_type: str) -> Self:
        """Give the same bucket, with this content type for whatever is written."""
        twin = copy(self)
        twin._content_type = content_type  # noqa: SLF001 - its own twin
        return twin

    @property
    def endpoint(self) -> str:
        """The URL that requests go to first."""
        return self._home.endpoint

    @property
    def way(self) -> str:
        """See `Wire.way`."""
        return self._config.inputs.wire.way

    @property
    def identity(self) -> str:
        """The custom endpoint; AWS's own count as none, since names of buckets are unique there."""
        return self._config.inputs.endpoint

    @property
    def lane(self) -> Lane:
        """The threads to call it from."""
        return self._home.lane

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        sink = Whole(f"{self._url}/{key}")
        told = self.fetch(key, sink)
        return Blob(sink.data, told.version, told.content_type)

    def fetch(self, key: str, to: Sink) -> Streamed:
        """Give a whole file to a sink, up to the end, where the SDK compares length and checksum."""
        with translating(self._request("GetObject", key)):
            answer = self._s3().get_object(Key=key, **self._common())
            with answer["Body"]:  # what it gives by `as` compares nothing
                digest = pour(answer["Body"].read, to)
        version = _version(answer, key)
        self._check_digest(answer, version, digest, key)
        return Streamed(version, answer.get("ContentType", ""))

    def _check_digest(self, answer: Any, version: Version, digest: str, key: str) -> None:  # noqa: ANN401 (answers of several shapes)
        """Raise `IntegrityFailed` where the ETag should be the MD5 of the bytes, `digest`, and isn't."""
        other = "-" in version.token or "SSECustomerAlgorithm" in answer
        if other or answer.get("ServerSideEncryption", "") not in _OWN_ENCRYPTION:
            return
        facts = self._facts()
        if digest == version.token:
            facts.digests = True
        elif facts.digests:
            raise IntegrityFailed(f"The bytes of {self._url}/{key} don't fit their digest.")

    def version(self, key: str) -> Version:
        """Give a file's version."""
        with translating(self._request("HeadObject", key)):
            return _version(self._s3().head_object(Key=key, **self._common()), key)

    def put(self, key: str, data: Content, *, if_match: str = "", if_none: bool = False) -> Version:
        """Write a file; `if_match` is the version's token that must be there, `if_none` wants nothing there."""
        headers = self._write_headers()
        shown = ", ".join(f"{name}={value}" for name, value in headers.items())
        typed = {"ContentType": self._content_type} if self._content_type else {}
        conditions = typed | _condition(if_match) | ({"IfNoneMatch": "*"} if if_none else {})
        request = replace(self._request("PutObject", key, shown), hint=self._encryption_hint)
        with translating(request), opened(data) as body:
            answer = self._s3().put_object(Key=key, Body=body, **headers, **conditions, **self._common())
        version = _version(answer, key)
        self._check_digest(answer, version, md5_of(data).hex(), key)
        return version

    def remove(self, key: str, *, if_match: str = "") -> None:
        """Delete a file, there or not."""
        with translating(self._request("DeleteObject", key)):
            self._s3().delete_object(Key=key, **_condition(if_match), **self._common())

    def page(self, prefix: str, position: ListPosition, *, shallow: bool) -> tuple[Page, ListPosition | None]:
        """Give one page of a listing and where the next starts; None when there is no more."""
        start: dict[str, Any] = {"ContinuationToken": position.token} if position.token else {}
        if position.after and not position.token:
            start["StartAfter"] = position.after
        if shallow:
            start["Delimiter"] = "/"
        with translating(self._request("ListObjectsV2")):
            answer = self._s3().list_objects_v2(Prefix=prefix, MaxKeys=PAGE_SIZE, **start, **self._common())
        if "IsTruncated" not in answer:  # an empty body parses well, and would look like an empty bucket
            raise IntegrityFailed(f"A listing of {self._url} arrived cut short.")
        files = (_entry(found) for found in answer.get("Contents", ()))
        entries = tuple(entry for entry in files if not is_folder_marker(entry.key, entry.size))
        folders = tuple(found["Prefix"] for found in answer.get("CommonPrefixes", ()))
        token = answer.get("NextContinuationToken", "") if answer["IsTruncated"] else ""
        return Page(entries, folders), ListPosition(token=token) if token else None

    def _s3(self) -> "S3Client":
        """Give the client of the bucket's region."""
        if not self._config.ask_region:
            return self._home.s3
        facts = self._facts()
        with facts.lock:
            facts.region = facts.region or self._ask_region()
            if facts.region == self._home.inputs.region:
                return self._home.s3
            if self._near is None:
                self._near = self._client_of(replace(self._home.inputs, region=facts.region))
            return self._near.s3

    def _ask_region(self) -> str:
        try:
            with translating(replace(self._request("GetBucketLocation"), principal=nobody)):
                answer = self._home.s3.get_bucket_location(**self._common())
        except AccessDenied as denied:
            return self._region_header() or self._region_denied(denied)
        region = answer.get("LocationConstraint") or ""
        return _OLD_REGIONS.get(region, region)

    def _region_header(self) -> str:
        """Ask HeadBucket, whose answer names the region even when it is a refusal; empty: it doesn't."""
        try:
            with translating(replace(self._request("HeadBucket"), principal=nobody)):
                try:
                    answer: Any = self._home.s3.head_bucket(**self._common())
                except ClientError as error:
                    answer = error.response
                    if _REGION_HEADER not in headers_of(answer):
                        raise
        except AccessDenied:
            return ""
        return headers_of(answer).get(_REGION_HEADER, "")

    def _region_denied(self, denied: AccessDenied) -> NoReturn:
        """Only now it pays to find out who was denied."""
        raise AccessDenied(denied.message.replace(nobody(), self._home.principal)) from None

    def _write_headers(self) -> dict[str, Any]:
        headers: dict[str, Any] = {"ACL": self._config.acl} if self._config.acl else {}
        match self._config.encryption:
            case Encryption.AUTO if self._must_ask_for_encryption():
                headers["ServerSideEncryption"] = Encryption.AES256.value
            case Encryption.AES256 | Encryption.KMS as encryption:
                headers["ServerSideEncryption"] = encryption.value
            case Encryption.AUTO | Encryption.NONE:
                pass
        if self._config.kms_key_id:
            headers["SSEKMSKeyId"] = self._config.kms_key_id
        return headers

    def _must_ask_for_encryption(self) -> bool:
        """Follow kops's rule. An outage is no answer: it ends the attempt, and the next one asks again."""
        s3 = self._s3()
        facts = self._facts()
        with facts.lock:
            if facts.encrypts is None:
                try:
                    with translating(replace(self._request("GetBucketEncryption"), principal=nobody)):
                        answer = s3.get_bucket_encryption(**self._common())
                    rules = answer["ServerSideEncryptionConfiguration"].get("Rules", ())
                    facts.encrypts = any("ApplyServerSideEncryptionByDefault" in rule for rule in rules)
                except (StoreUnavailable, IntegrityFailed):
                    raise
                except StoreError as error:
                    facts.encrypts, facts.encryption_denied = False, isinstance(error, AccessDenied)
            return not facts.encrypts

    def _encryption_hint(self) -> str:
        """Say why AES256 was asked for where nobody declared it, and the bucket might want something else."""
        if self._config.encryption is not Encryption.AUTO or not self._facts().encryption_denied:
            return ""
        return (
            f"AES256 was chosen since {PERMISSIONS['GetBucketEncryption']} is denied to {self._home.principal}, so "
            "that the bucket's own default isn't known."
        )

    def _facts(self) -> BucketFacts:
        return self._home.facts(self._name, self._config.owner)

    def _common(self) -> dict[str, Any]:
        """Give the parameters of every request."""
        owner = {"ExpectedBucketOwner": self._config.owner} if self._config.owner else {}
        return {"Bucket": self._name, **owner}

    def _request(self, operation: str, key: str = "", sent: str = "") -> Request:
        who = self._home.inputs.who
        owner = f"ExpectedBucketOwner={self._config.owner}" if self._config.owner else ""
        return Request(
            operation,
            self._url,
            key,
            self.endpoint,
            permission=PERMISSIONS[operation],
            principal=lambda: self._home.principal,
            sent=", ".join(filter(None, (sent, owner))),
            secrets=(who.secret_key, who.token) if isinstance(who, Keys) else (),
        )


def _condition(token: str) -> dict[str, Any]:
    return {"IfMatch": f'"{token}"'} if token else {}


def _version(answer: Any, key: str) -> Version:  # noqa: ANN401 (answers of several shapes)
    """Give the ETag without its quotes, which not every answer has."""
    tag = str(answer.get("ETag", "")).strip('"')
    if not tag:
        raise IntegrityFailed(f"The answer for {key} has no ETag, so its version can't be told.")
    return Version(tag)


def _entry(found: Any) -> Entry:  # noqa: ANN401 (as above)
    return Entry(found["Key"], _version(found, found["Key"]), found["Size"], found["LastModified"])
