"""Two stores are equal, or it is told in what they aren't."""

import json

import pytest

from tests.cli.move.conftest import CLUSTER, Person
from tests.support.backings.s3 import S3Backing

pytestmark = pytest.mark.objectstore


def test_what_differs_is_named(person: Person, one: S3Backing, other: S3Backing) -> None:
    for key, data in one.files().items():
        other.put(key, data)
    count = len(one.keys())
    mark = person.server.mark()
    assert person.do("verify", one.url, other.url).startswith(f"{count} files the same (")
    read = sorted(each.key for each in person.asked(mark, one, other) if each.operation == "GetObject")
    assert read == sorted([*one.keys(), *one.keys()]), "the bytes count, not the versions"
    other.put(f"{CLUSTER}/config", other.read(f"{CLUSTER}/config")[:-1] + b"!")
    other.put("here", b"")
    one.put("there", b"")
    done = person.run("verify", one.url, other.url)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[:-1] == [
        f"only in {one.url}: there",
        f"only in {other.url}: here",
        f"differs: {CLUSTER}/config",
    ]
    done = person.run("verify", one.url, other.url, "-o", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found.pop("bytes") > 0
    assert found == {
        "equal": False,
        "first": one.url,
        "second": other.url,
        "same": count - 1,
        "different": [f"{CLUSTER}/config"],
        "onlyInFirst": ["there"],
        "onlyInSecond": ["here"],
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["s3://test-none"], "no bucket"),
        (["{other}", "prod.example.org"], "Neither {one} nor {other} holds anything of prod.example.org"),
        (["{one}"], "are one place"),
    ],
)
def test_what_cant_be_told_is_no_difference(
    arguments: list[str], why: str, person: Person, one: S3Backing, other: S3Backing
) -> None:
    urls = {"one": one.url, "other": other.url}
    done = person.run("verify", one.url, *(each.format(**urls) for each in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert why.format(**urls) in done.stderr
