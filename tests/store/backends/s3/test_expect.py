"""Expectations at endpoints that keep, ignore or refuse conditions."""

from enum import Enum, auto
from typing import Any, cast

import pytest

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.backends.s3.bucket import Bucket
from clusterstate.store.backends.s3.expect import Kept, Proof, delete, proof_of, write
from clusterstate.store.base import ABSENT, ANYTHING, Blob, Version


class Manners(Enum):
    KEEPS = auto()
    IGNORES = auto()
    REFUSES = auto()


class Folder:
    """A bucket with the manners of some service."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.files: dict[str, Blob] = {}
        self.late: dict[str, Blob] = {}
        """What somebody else writes just after a look."""
        self.asked: list[str] = []
        self.count = 0

    def get(self, key: str) -> Blob:
        self.asked.append("get")
        return self.find(key)

    def version(self, key: str) -> Version:
        self.asked.append("head")
        try:
            return self.find(key).version
        finally:
            self.files |= self.late

    def put(self, key: str, data: bytes, *, if_match: str = "", if_none: bool = False) -> Version:
        self.asked.append("put if" if if_match or if_none else "put")
        self.check(key, if_match, if_none=if_none)
        self.count += 1
        self.files[key] = Blob(data, Version(f"v{self.count}"))
        return self.files[key].version

    def remove(self, key: str, *, if_match: str = "") -> None:
        self.asked.append("delete if" if if_match else "delete")
        self.check(key, if_match, if_none=False)
        self.files.pop(key, None)

    def find(self, key: str) -> Blob:
        if key not in self.files:
            raise KeyNotFound(key)
        return self.files[key]

    def check(self, key: str, if_match: str, *, if_none: bool) -> None:
        if not (if_match or if_none) or self.manners is Manners.IGNORES:
            return
        if self.manners is Manners.REFUSES:
            raise StoreUnsupported(key)
        if (if_none and key in self.files) or (if_match and self.find(key).version.token != if_match):
            raise LostRace(key)


def make(manners: Manners) -> tuple[Folder, Any, Proof]:
    folder = Folder(manners)
    return folder, cast("Bucket", folder), Proof()


@pytest.mark.parametrize("manners", list(Manners))
def test_expectations_hold_one_after_another_whatever_the_service_does(manners: Manners) -> None:
    folder, bucket, proof = make(manners)
    first = write(bucket, proof, "file", b"one", ABSENT)
    with pytest.raises(LostRace):
        write(bucket, proof, "file", b"two", ABSENT)
    second = write(bucket, proof, "file", b"two", first)
    for _ in range(2):
        with pytest.raises(LostRace):
            write(bucket, proof, "file", b"three", first)
        with pytest.raises(LostRace):
            delete(bucket, proof, "file", first)
        with pytest.raises(LostRace):
            delete(bucket, proof, "file", ABSENT)
    with pytest.raises(LostRace):
        write(bucket, proof, "missing", b"x", first)
    third = write(bucket, proof, "file", b"three", second)
    assert folder.files == {"file": Blob(b"three", third)}
    delete(bucket, proof, "file", third)
    delete(bucket, proof, "file", third)
    assert folder.files == {}


@pytest.mark.parametrize(
    ("manners", "kept"), [(Manners.KEEPS, Kept.YES), (Manners.IGNORES, Kept.NO), (Manners.REFUSES, Kept.NO)]
)
def test_the_first_update_and_delete_prove_what_is_kept(manners: Manners, kept: Kept) -> None:
    _, bucket, proof = make(manners)
    version = write(bucket, proof, "file", b"one", ANYTHING)
    assert proof == Proof()
    version = write(bucket, proof, "file", b"two", version)
    assert (proof.create, proof.update, proof.delete) == (kept, kept, Kept.UNKNOWN)
    delete(bucket, proof, "file", version)
    assert proof.delete is kept
    assert proof.capabilities.atomic_delete is (kept is Kept.YES)


def test_in_an_empty_store_nothing_is_proven() -> None:
    _, bucket, proof = make(Manners.KEEPS)
    write(bucket, proof, "one", b"x", ABSENT)
    write(bucket, proof, "two", b"x", ABSENT)
    assert proof == Proof()


def test_a_create_that_is_refused_for_its_header_is_made_without() -> None:
    folder, bucket, proof = make(Manners.REFUSES)
    write(bucket, proof, "file", b"x", ABSENT)
    assert folder.asked == ["head", "put if", "put"]
    write(bucket, proof, "other", b"x", ABSENT)
    assert folder.asked[3:] == ["head", "put"]


def test_a_lost_create_proves_creates() -> None:
    folder, bucket, proof = make(Manners.KEEPS)
    folder.late = {"file": Blob(b"theirs", Version("v"))}
    with pytest.raises(LostRace):
        write(bucket, proof, "file", b"mine", ABSENT)
    assert proof.create is Kept.YES


@pytest.mark.parametrize("manners", list(Manners))
def test_the_proof_never_changes_bytes(manners: Manners) -> None:
    folder, bucket, proof = make(manners)
    folder.files["file"] = Blob(b"theirs", Version("theirs"))
    with pytest.raises(LostRace):
        write(bucket, proof, "file", b"mine", Version("old"))
    assert folder.files["file"] == Blob(b"theirs", Version("theirs"))
    assert folder.asked == ["get"]


def test_what_is_proven_costs_nothing() -> None:
    folder, bucket, _ = make(Manners.KEEPS)
    proof = Proof(Kept.YES, Kept.YES, Kept.YES)
    version = write(bucket, proof, "file", b"x", ABSENT)
    version = write(bucket, proof, "file", b"y", version)
    delete(bucket, proof, "file", version)
    assert folder.asked == ["put if", "put if", "delete if"]


@pytest.mark.parametrize(
    ("endpoint", "proven"),
    [
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://minio.acme.example", False),
        ("https://s3.amazonaws.com.acme.example", False),
    ],
)
def test_only_amazon_is_proven_from_the_start(endpoint: str, proven: bool) -> None:  # noqa: FBT001 (a parameter)
    assert proof_of(endpoint).capabilities.atomic_update is proven
