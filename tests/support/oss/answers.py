"""What OSS answers with: XML without a namespace, and errors with their codes."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from tests.support.oss.storage import Bucket, Listing, StoredObject

REQUEST_ID = "x-oss-request-id"


@dataclass
class Refused(Exception):
    """A request that is answered with an error."""

    status: int
    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)
    """Further elements of the answer; values are XML."""


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def xml(root: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()
    return Answer(body=body, headers={"Content-Type": "application/xml"})


def make_error(refused: Refused, method: str, host: str) -> Answer:
    """Give an error; that of a HEAD stands in a header, as it has no body."""
    fields = {
        "Code": refused.code,
        "Message": escape(refused.message),
        "RequestId": secrets.token_hex(12).upper(),
        "HostId": escape(host),
        **refused.details,
    }
    answer = xml(element("Error", "".join(element(name, value) for name, value in fields.items())))
    answer.status = refused.status
    if method == "HEAD":
        return Answer(refused.status, headers={"x-oss-err": base64.b64encode(answer.body).decode()})
    return answer


def object_headers(stored: StoredObject) -> dict[str, str]:
    """Give what every answer about one object has; of one that was put together from parts no MD5 is known."""
    headers = {
        "ETag": f'"{stored.etag}"',
        "x-oss-hash-crc64ecma": str(stored.crc),
        "x-oss-object-type": stored.kind,
        "x-oss-storage-class": "Standard",
        "Last-Modified": format_datetime(stored.modified, usegmt=True),
    }
    if stored.md5:
        headers["Content-MD5"] = stored.md5
    if stored.version_id:
        headers["x-oss-version-id"] = stored.version_id
    return headers


def make_listing(bucket: str, listing: Listing, query: Mapping[str, str]) -> Answer:
    """Give a page of either version; names are encoded where that was asked for."""
    second = query.get("list-type") == "2"
    url = query.get("encoding-type") == "url"

    def name(text: str) -> str:
        return quote(text, safe="") if url else escape(text)

    parts = [
        element("Name", bucket),
        element("Prefix", name(query.get("prefix", ""))),
        element("MaxKeys", str(listing.most)),
        element("Delimiter", name(query.get("delimiter", ""))),
        element("IsTruncated", "true" if listing.follows else "false"),
        element("EncodingType", "url") if url else "",
        element("NextContinuationToken" if second else "NextMarker", name(listing.follows)) if listing.follows else "",
        *(_contents(name(key), stored) for key, stored in listing.entries),
        *(element("CommonPrefixes", element("Prefix", name(prefix))) for prefix in listing.prefixes),
    ]
    return xml(element("ListBucketResult", "".join(parts)))


def _contents(key: str, stored: StoredObject) -> str:
    fields = {
        "Key": key,
        "LastModified": stored.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ETag": f'"{stored.etag}"',
        "Type": stored.kind,
        "Size": str(len(stored.data)),
        "StorageClass": "Standard",
    }
    return element("Contents", "".join(element(name, value) for name, value in fields.items()))


def make_location(bucket: Bucket) -> Answer:
    return xml(element("LocationConstraint", f"oss-{bucket.region}"))


def make_info(bucket: Bucket) -> Answer:
    fields = {
        "Name": bucket.name,
        "CreationDate": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ExtranetEndpoint": f"oss-{bucket.region}.aliyuncs.com",
        "IntranetEndpoint": f"oss-{bucket.region}-internal.aliyuncs.com",
        "Location": f"oss-{bucket.region}",
        "StorageClass": "Standard",
        "Owner": element("ID", bucket.owner) + element("DisplayName", bucket.owner),
        "AccessControlList": element("Grant", "private"),
    }
    inside = "".join(element(name, value) for name, value in fields.items())
    return xml(element("BucketInfo", element("Bucket", inside)))
