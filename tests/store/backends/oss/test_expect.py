"""Expectations in buckets that keep the mark of a create, ignore it, refuse it, or keep versions."""

from enum import Enum, auto
from typing import cast

import pytest

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.backends.oss.bucket import Bucket, Written
from clusterstate.store.backends.oss.expect import Expectations, Proof, proof_of
from clusterstate.store.base import ABSENT, ANYTHING, Blob, Version
from clusterstate.store.expect import Kept
from tests.store.expecting import check_one_after_another


class Manners(Enum):
    KEEPS = auto()
    IGNORES = auto()
    REFUSES = auto()
    KEEPS_VERSIONS = auto()


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

    def put(self, key: str, data: bytes, *, if_none: bool = False) -> Written:
        self.asked.append("create" if if_none else "put")
        if if_none and self.manners is Manners.REFUSES:
            raise StoreUnsupported(key)
        if if_none and self.manners is Manners.KEEPS and key in self.files:
            raise LostRace(key)
        self.count += 1
        self.files[key] = Blob(data, Version(f"v{self.count}"))
        return Written(self.files[key].version, self.manners is Manners.KEEPS_VERSIONS)

    def remove(self, key: str) -> None:
        self.asked.append("delete")
        self.files.pop(key, None)

    def find(self, key: str) -> Blob:
        if key not in self.files:
            raise KeyNotFound(key)
        return self.files[key]


def make(manners: Manners, *, own: bool = False, create: Kept = Kept.UNKNOWN) -> tuple[Folder, Proof, Expectations]:
    folder, proof = Folder(manners), Proof(own, create)
    return folder, proof, Expectations(cast("Bucket", folder), proof)


@pytest.mark.parametrize("manners", list(Manners))
def test_expectations_hold_one_after_another_whatever_the_service_does(manners: Manners) -> None:
    folder, _, keeper = make(manners)
    check_one_after_another(keeper, folder.files)


@pytest.mark.parametrize(
    ("manners", "kept"),
    [
        (Manners.KEEPS, Kept.YES),
        (Manners.IGNORES, Kept.NO),
        (Manners.REFUSES, Kept.NO),
        (Manners.KEEPS_VERSIONS, Kept.NO),
    ],
)
def test_elsewhere_the_first_update_proves_what_is_kept(manners: Manners, kept: Kept) -> None:
    folder, proof, keeper = make(manners)
    folder.files["file"] = Blob(b"one", Version("v"))
    keeper.write("file", b"two", Version("v"))
    assert proof.create is kept
    assert folder.asked == ["get", "create", "put"]
    assert folder.files["file"].data == b"two"


@pytest.mark.parametrize(("manners", "kept"), [(Manners.KEEPS, Kept.YES), (Manners.KEEPS_VERSIONS, Kept.NO)])
def test_of_oss_itself_the_first_write_tells(manners: Manners, kept: Kept) -> None:
    folder, proof, keeper = make(manners, own=True)
    version = keeper.write("file", b"one", ANYTHING)
    assert proof.create is kept
    keeper.write("file", b"two", version)
    assert folder.asked == ["put", "head", "put"]


def test_a_bucket_that_begins_to_keep_versions_is_noticed() -> None:
    folder, proof, keeper = make(Manners.KEEPS, own=True)
    keeper.write("one", b"x", ABSENT)
    assert proof.capabilities.atomic_create
    folder.manners = Manners.KEEPS_VERSIONS
    keeper.write("two", b"x", ABSENT)
    assert not proof.capabilities.atomic_create
    with pytest.raises(LostRace):
        keeper.write("two", b"y", ABSENT)


@pytest.mark.parametrize("manners", [Manners.KEEPS, Manners.IGNORES])
def test_elsewhere_an_empty_store_proves_nothing(manners: Manners) -> None:
    _, proof, keeper = make(manners)
    keeper.write("one", b"x", ABSENT)
    keeper.write("two", b"x", ABSENT)
    assert proof.create is Kept.UNKNOWN
    assert not proof.capabilities.atomic_create


def test_a_create_that_is_refused_for_its_mark_is_made_without() -> None:
    folder, _, keeper = make(Manners.REFUSES)
    keeper.write("file", b"x", ABSENT)
    assert folder.asked == ["head", "create", "put"]
    keeper.write("other", b"x", ABSENT)
    assert folder.asked[3:] == ["head", "put"]


def test_a_lost_create_proves_creates() -> None:
    folder, proof, keeper = make(Manners.KEEPS)
    folder.late = {"file": Blob(b"theirs", Version("v"))}
    with pytest.raises(LostRace):
        keeper.write("file", b"mine", ABSENT)
    assert proof.create is Kept.YES
    assert folder.files["file"].data == b"theirs"


@pytest.mark.parametrize("manners", list(Manners))
def test_the_proof_never_changes_bytes(manners: Manners) -> None:
    folder, _, keeper = make(manners)
    folder.files["file"] = Blob(b"theirs", Version("theirs"))
    with pytest.raises(LostRace):
        keeper.write("file", b"mine", Version("old"))
    assert folder.files["file"] == Blob(b"theirs", Version("theirs"))
    assert folder.asked == ["get"]


def test_what_is_proven_costs_nothing() -> None:
    folder, _, keeper = make(Manners.KEEPS, create=Kept.YES)
    keeper.write("file", b"x", ABSENT)
    keeper.write("file", b"y", ANYTHING)
    keeper.delete("file", ANYTHING)
    assert folder.asked == ["create", "put", "delete"]


def test_updates_and_deletes_are_never_promised() -> None:
    capabilities = Proof(own=True, create=Kept.YES).capabilities
    assert (capabilities.atomic_create, capabilities.atomic_update, capabilities.atomic_delete) == (True, False, False)


def test_what_is_known_is_of_one_bucket_at_one_endpoint_on_one_way() -> None:
    assert proof_of("", "", "one") is proof_of("", "", "one")
    for other in (("", "", "two"), ("https://oss.example", "", "one"), ("", "http://proxy", "one")):
        assert proof_of("", "", "one") is not proof_of(*other)
