"""One bucket, one request per method, blocking; and what has to be learnt about the bucket first.

Region (kops, util/pkg/vfs/s3context.go): AWS buckets are asked by GetBucketLocation, where empty means us-east-1
and `EU` eu-west-1; where that is denied, HeadBucket's header tells. Encryption: with `Auto`, AES256 is asked for
unless GetBucketEncryption succeeds. Both are asked once per bucket and client.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from clusterstate.api.spec import Encryption
from clusterstate.errors import AccessDenied, IntegrityFailed, StoreError, StoreRefused, StoreUnavailable
from clusterstate.store.base import LARGEST_FILE, Blob, Entry, Page, Version
from clusterstate.store.listing import PAGE_SIZE, is_folder_marker
from clusterstate.store.s3.clients import BucketFacts, Client, Clients
from clusterstate.store.s3.config import DEFAULT_REGION, Config
from clusterstate.store.s3.errors import Request, headers_of, translating

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_OLD_REGIONS: Final = {"": DEFAULT_REGION, "EU": "eu-west-1"}
"""What GetBucketLocation says of buckets made before regions had their names."""
_PART = 1 << 20
_REGION_HEADER = "x-amz-bucket-region"


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Where the next page of a listing starts."""

    after: str = ""
    token: str = ""
    """What the service gave with the page before; it wins over `after`."""


class Bucket:
    """A bucket, used as one configuration says."""

    def __init__(self, name: str, config: Config, clients: Clients, home: Client) -> None:
        self._name = name
        self._config = config
        self._clients = clients
        self._home = home
        self._near: Client | None = None

    @property
    def endpoint(self) -> str:
        """The URL that requests go to first."""
        return self._home.endpoint

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        with translating(self._request("GetObject", key)):
            answer = self._s3().get_object(Key=key, **self._common())
            with answer["Body"]:  # what it gives by `as` compares nothing
                data = self._read_all(answer["Body"], key)
        return Blob(data, _version(answer, key))

    def _read_all(self, body: "StreamingBody", key: str) -> bytes:
        """Read up to the end, where the SDK compares length and checksum."""
        data = bytearray()
        while part := body.read(_PART):
            data += part
            if len(data) > LARGEST_FILE:
                raise StoreRefused(
                    f"The file s3://{self._name}/{key} has more than {LARGEST_FILE} bytes, the most that is read. "
                    "Have it deleted or replaced; kops writes none of that size."
                )
        return bytes(data)

    def version(self, key: str) -> Version:
        """Give a file's version."""
        with translating(self._request("HeadObject", key)):
            return _version(self._s3().head_object(Key=key, **self._common()), key)

    def put(self, key: str, data: bytes, *, if_match: str = "", if_none: bool = False) -> Version:
        """Write a file; `if_match` is the version's token that must be there, `if_none` wants nothing there."""
        headers = self._write_headers()
        shown = ", ".join(f"{name}={value}" for name, value in headers.items())
        conditions = _condition(if_match) | ({"IfNoneMatch": "*"} if if_none else {})
        with translating(self._request("PutObject", key, shown)):
            answer = self._s3().put_object(Key=key, Body=data, **headers, **conditions, **self._common())
        return _version(answer, key)

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
            raise IntegrityFailed(f"A listing of s3://{self._name} arrived cut short. It is tried again.")
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
                self._near = self._clients.get(replace(self._home.inputs, region=facts.region))
            return self._near.s3

    def _ask_region(self) -> str:
        try:
            with translating(self._request("GetBucketLocation")):
                answer = self._home.s3.get_bucket_location(**self._common())
        except AccessDenied as denied:
            return self._region_header(denied)
        region = answer.get("LocationConstraint") or ""
        return _OLD_REGIONS.get(region, region)

    def _region_header(self, denied: AccessDenied) -> str:
        """Ask HeadBucket, whose answer names the region even when it is a refusal."""
        try:
            with translating(self._request("HeadBucket")):
                try:
                    answer: Any = self._home.s3.head_bucket(**self._common())
                except ClientError as error:
                    answer = error.response
                    if _REGION_HEADER not in headers_of(answer):
                        raise
        except AccessDenied:
            raise denied from None
        region = headers_of(answer).get(_REGION_HEADER, "")
        if not region:
            raise denied
        return region

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
        """Follow kops's rule; only an outage is asked about again at the next write."""
        s3 = self._s3()
        facts = self._facts()
        with facts.lock:
            if facts.encrypts is None:
                try:
                    with translating(self._request("GetBucketEncryption")):
                        s3.get_bucket_encryption(**self._common())
                    facts.encrypts = True
                except StoreUnavailable:
                    return True
                except StoreError:
                    facts.encrypts = False
            return not facts.encrypts

    def _facts(self) -> BucketFacts:
        return self._home.facts(self._name, self._config.owner)

    def _common(self) -> dict[str, Any]:
        """Give the parameters of every request."""
        owner = {"ExpectedBucketOwner": self._config.owner} if self._config.owner else {}
        return {"Bucket": self._name, **owner}

    def _request(self, operation: str, key: str = "", sent: str = "") -> Request:
        keys = self._home.inputs.keys
        secrets = (keys.secret_key, keys.token) if keys else ()
        owner = f"ExpectedBucketOwner={self._config.owner}" if self._config.owner else ""
        carried = ", ".join(text for text in (sent, owner) if text)
        return Request(operation, self._name, key, self.endpoint, carried, secrets)


def _condition(token: str) -> dict[str, Any]:
    return {"IfMatch": f'"{token}"'} if token else {}


def _version(answer: Any, key: str) -> Version:  # noqa: ANN401 (answers of several shapes)
    """Give the ETag without its quotes, which not every answer has."""
    tag = str(answer.get("ETag", "")).strip('"')
    if not tag:
        raise IntegrityFailed(f"The answer for {key} has no ETag, so its version can't be told. It is tried again.")
    return Version(tag)


def _entry(found: Any) -> Entry:  # noqa: ANN401 (as above)
    return Entry(found["Key"], _version(found, found["Key"]), found["Size"], found["LastModified"])
