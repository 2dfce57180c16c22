"""Where a store is: text URL <-> `Location`.

Pure. URLs are read as kops reads them (util/pkg/vfs, Go's net/url): what stands behind `://` up to the first
slash is the bucket, the rest is percent-decoded; superfluous slashes don't count. Unlike kops, a URL with
credentials, a query or `.`/`..` segments is refused. Which schemes can be opened is `open`'s business.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import quote, unquote

from clusterstate.errors import SpecInvalid
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.key import SHOWN, find_flaw, join

S3_FLAVOURS: Final = frozenset({"s3", "do", "linode", "hos", "scw"})
"""Schemes that speak S3's protocol: the same bucket at the same endpoint is the same store under each."""
KUBERNETES: Final = "k8s"
WITHOUT_BUCKET: Final = frozenset({"file", KUBERNETES})
"""Schemes whose URL may have nothing between `://` and the path."""
SWIFT: Final = "swift"
"""The scheme whose buckets may have letters of any script in their names, percent-encoded in a URL or not."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<bucket>[^/]*)(?P<path>.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_CONTAINER = re.compile(r"\w[\w.~-]*")
_LONGEST_CONTAINER = 256
"""Bytes of a container's name (OpenStack, Object Storage API)."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_SAFE = "/!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a store. Raises `SpecInvalid` when its parts can't be one."""

    scheme: str
    """In lower case."""
    bucket: str
    """Bucket, container or name; empty for `file` and for `k8s:///`."""
    prefix: str = ""
    """A key (see `key`) or empty; for `file` the absolute path without its first slash."""

    def __post_init__(self) -> None:
        if self.scheme == "file" and self.bucket:
            raise SpecInvalid("A file:// URL needs an absolute path: file:///srv/state, with three slashes.")
        if self.scheme == KUBERNETES and self.bucket:
            raise SpecInvalid("A k8s:// URL names a namespace behind three slashes: k8s:///NAMESPACE/PREFIX.")
        if not self.bucket and self.scheme not in WITHOUT_BUCKET:
            raise SpecInvalid(f"The store URL names no bucket. Write {self.scheme}://BUCKET/PREFIX.")
        if self.bucket and not _is_bucket(self.scheme, self.bucket):
            raise SpecInvalid(f"{self.bucket[:SHOWN]!r} is no name of a bucket. Use letters, digits, '.', '_' and '-'.")
        flaw = find_flaw(self.prefix) if self.prefix else None
        if flaw is not None:
            raise SpecInvalid(f"The path {self.prefix[:SHOWN]!r} of the store URL {flaw}. Give another path.")

    @classmethod
    def parse(cls, url: str) -> "Location":
        """Read a URL such as `s3://bucket/prefix`; raise `SpecInvalid`, never repeating credentials."""
        found = _URL.fullmatch(url)
        if found is None:
            raise SpecInvalid("The store URL is no URL. Write SCHEME://BUCKET/PREFIX, for example s3://acme-state.")
        scheme, bucket, path = found["scheme"].lower(), found["bucket"], found["path"]
        if "@" in bucket:
            raise SpecInvalid(
                "The store URL holds credentials. They belong into a credentials Secret or into variables."
            )
        if "?" in bucket + path or "#" in bucket + path:
            raise SpecInvalid("The store URL holds a query or fragment. Write %3F for '?' and %23 for '#'.")
        return cls(scheme, _decode(bucket) if scheme == SWIFT else bucket, _decode(path))

    @property
    def url(self) -> str:
        """The URL in its one normal form; `parse` gives an equal location back."""
        root, path = f"{self.scheme}://{quote(self.bucket)}", quote(self.prefix, safe=_PATH_SAFE)
        return f"{root}/{path}" if path or not self.bucket else root

    @property
    def folder(self) -> str:
        """On this machine, where the scheme is `file`."""
        return f"/{self.prefix}"

    @property
    def common(self) -> "Location":
        """The same place as everybody may name it: the flavours of S3 differ in nothing but their names."""
        return replace(self, scheme="s3") if self.scheme in S3_FLAVOURS else self

    def child(self, name: str) -> "Location":
        """Give the place below this one: a cluster's state below its store. Raise `SpecInvalid` for a bad name."""
        flaw = find_flaw(name)
        if flaw is not None:
            raise SpecInvalid(f"The name {name[:SHOWN]!r} {flaw}. It can't be a path in the store.")
        return Location(self.scheme, self.bucket, join(self.prefix, name))

    def identity(self, endpoint: str = "") -> str:
        """Give a text that is the same for every spelling of one place: the base of "one writer per state".

        `endpoint` is that of the opened store (`Store.endpoint`); AWS's own count as none, since bucket names are
        unique there, and http and https at usual ports as one server. Raise `SpecInvalid` for what is no endpoint.
        """
        if not endpoint or Endpoint.parse(endpoint).is_aws:
            return self.common.url
        return f"{self.common.url} at {Endpoint.parse(endpoint).identity}"

    def is_within(self, places: "Iterable[Location] | None") -> bool:
        """Whether it is one of these places or below one, by whole segments; None is everywhere."""
        return places is None or any(place.covers(self) for place in places)

    def covers(self, other: "Location") -> bool:
        """Whether the other place is this one or below it; the namespace of a `k8s` place may be a glob."""
        if (self.scheme, self.bucket) != (other.scheme, other.bucket):
            return False
        own, theirs = (place.prefix.split("/") if place.prefix else [] for place in (self, other))
        if self.scheme == KUBERNETES and own and theirs:
            own[0] = theirs[0] if fnmatchcase(theirs[0], own[0]) else own[0]
        return theirs[: len(own)] == own

    def within(self, namespace: str) -> "Location":
        """Give the same place with its namespace: `k8s://` alone means the namespace of whoever says it."""
        return Location(self.scheme, "", namespace) if self.scheme == KUBERNETES and not self.prefix else self


def _is_bucket(scheme: str, name: str) -> bool:
    if scheme != SWIFT:
        return _BUCKET.fullmatch(name) is not None
    return _CONTAINER.fullmatch(name) is not None and len(name.encode()) <= _LONGEST_CONTAINER


def _decode(path: str) -> str:
    if _BAD_ESCAPE.search(path):
        raise SpecInvalid("The store URL holds a '%' that starts no escape. Write %25 for '%'.")
    try:
        text = unquote(path, errors="strict")
    except UnicodeDecodeError:
        raise SpecInvalid("The store URL holds percent escapes that are no UTF-8. Correct the path.") from None
    return join(*text.split("/"))
