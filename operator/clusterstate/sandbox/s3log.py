"""The S3 server's access log: which requests were made, refused ones included.

versitygw writes its lines in the order of Amazon's server access logs, before it answers, but doesn't quote or
escape the fields; what a client wrote freely (key, agent) is therefore taken from the request's URI, or left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

_LINE = re.compile(
    r"""^\S+\ \S+\ \[[^\]]*\]\ \S+
        \ (?P<requester>\S+)
        \ \S+
        \ s3_(?P<operation>\S+)
        \ .*?
        \ (?P<uri>/\S*)
        \ (?P<status>\d{3})
        \ (?P<error>\S+)
        \ """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Request:
    """One request to the S3 server."""

    operation: str
    """As Amazon's API calls it: GetObject, PutObject, HeadObject, DeleteObject, ListObjectsV2, GetBucketLocation…"""
    bucket: str
    key: str
    query: dict[str, str]
    status: int
    """Of errors the true one; every success is logged as 200."""
    error: str
    """The error code, for example NoSuchKey; "" if there was none."""
    requester: str
    """The access key as claimed; "" for none or an unknown one."""


def read_requests(log: Path, since: int = 0) -> Iterator[Request]:
    """Give the requests in the log after `since` bytes, in the order of their answers."""
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            match = _LINE.match(line.decode(errors="replace"))
            if match is not None and line.endswith(b"\n"):
                yield _parse(match)


def _parse(line: re.Match[str]) -> Request:
    uri = urlsplit(line["uri"])
    bucket, _, key = uri.path.removeprefix("/").partition("/")
    return Request(
        operation=line["operation"],
        bucket=bucket,
        key=unquote(key),
        query=dict(parse_qsl(uri.query, keep_blank_values=True)),
        status=int(line["status"]),
        error=line["error"].replace("-", ""),
        requester=line["requester"].replace("-", ""),
    )
