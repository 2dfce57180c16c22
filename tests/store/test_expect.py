"""Conditional at endpoints that keep, ignore or refuse conditions."""

from enum import Enum, auto

import pytest

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.base import ABSENT, ANYTHING, Blob, Version
from clusterstate.store.body import Content
from clusterstate.store.expect import Conditional, Kept, Proof, proof_of
from tests.store.expecting import check_one_after_another
from tests.store.streaming import Watched


class Manners(Enum):
    KEEPS = auto()
    IGNORES = auto()
    REFUSES = auto()


class Folder:
    """A bucket with the manners of some service."""

    impossible = "never"

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

    def put(self, key: str, data: Content, *, if_match: str = "", if_none: bool = False) -> Version:
        self.asked.append("put if" if if_match or if_none else "put")
        self.check(key, if_match, if_none=if_none)
        self.count += 1
        self.files[key] = Blob(data if isinstance(data, bytes) else data.open().read(), Version(f"v{self.count}"))
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


def make(manners: Manners) -> tuple[Folder, Proof, Conditional]:
    folder, proof = Folder(manners), Proof()
    return folder, proof, Conditional(folder, proof)


@pytest.mark.parametrize("manners", list(Manners))
def test_expectations_hold_one_after_another_whatever_the_service_does(manners: Manners) -> None:
    folder, _, keeper = make(manners)
    check_one_after_another(keeper, folder.files)


@pytest.mark.parametrize(
    ("manners", "kept"), [(Manners.KEEPS, Kept.YES), (Manners.IGNORES, Kept.NO), (Manners.REFUSES, Kept.NO)]
)
def test_the_first_update_and_delete_prove_what_is_kept(manners: Manners, kept: Kept) -> None:
    _, proof, keeper = make(manners)
    version = keeper.write("file", b"one", ANYTHING)
    assert proof == Proof()
    version = keeper.write("file", b"two", version)
    assert (proof.create, proof.update, proof.delete) == (kept, kept, Kept.UNKNOWN)
    keeper.delete("file", version)
    assert proof.delete is kept
    assert proof.capabilities.atomic_delete is (kept is Kept.YES)


def test_in_an_empty_store_nothing_is_proven() -> None:
    _, proof, keeper = make(Manners.KEEPS)
    keeper.write("one", b"x", ABSENT)
    keeper.write("two", b"x", ABSENT)
    assert proof == Proof()


def test_a_create_that_is_refused_for_its_header_is_made_without() -> None:
    folder, _, keeper = make(Manners.REFUSES)
    keeper.write("file", b"x", ABSENT)
    assert folder.asked == ["head", "put if", "put"]
    keeper.write("other", b"x", ABSENT)
    assert folder.asked[3:] == ["head", "put"]


def test_a_lost_create_proves_creates() -> None:
    folder, proof, keeper = make(Manners.KEEPS)
    folder.late = {"file": Blob(b"theirs", Version("v"))}
    with pytest.raises(LostRace):
        keeper.write("file", b"mine", ABSENT)
    assert proof.create is Kept.YES


@pytest.mark.parametrize("manners", list(Manners))
def test_the_proof_never_changes_bytes(manners: Manners) -> None:
    folder, _, keeper = make(manners)
    folder.files["file"] = Blob(b"theirs", Version("theirs"))
    with pytest.raises(LostRace):
        keeper.write("file", b"mine", Version("old"))
    assert folder.files["file"] == Blob(b"theirs", Version("theirs"))
    assert folder.asked == ["get"]


def test_what_is_proven_costs_nothing() -> None:
    folder = Folder(Manners.KEEPS)
    keeper = Conditional(folder, Proof(Kept.YES, Kept.YES, Kept.YES))
    version = keeper.write("file", b"x", ABSENT)
    version = keeper.write("file", b"y", version)
    keeper.delete("file", version)
    assert folder.asked == ["put if", "put if", "delete if"]


@pytest.mark.parametrize(
    ("manners", "asked", "kept"),
    [
        (Manners.KEEPS, ["head", "put if"], Kept.UNKNOWN),
        (Manners.IGNORES, ["head", "put if"], Kept.UNKNOWN),
        (Manners.REFUSES, ["head", "put if", "put"], Kept.NO),
    ],
)
def test_a_large_file_is_not_read_to_prove_anything(manners: Manners, asked: list[str], kept: Kept) -> None:
    """It is compared, and the condition is sent all the same, unless the service refuses such."""
    folder, proof, keeper = make(manners)
    with Watched.of(b"large") as body:
        version = keeper.write("file", body, ABSENT)
        folder.asked.clear()
        newer = keeper.write("file", body, version)
        assert (folder.asked, proof.update) == (asked, kept)
        with pytest.raises(LostRace):
            keeper.write("file", body, version)
        assert folder.asked == [*asked, "head"]
        proof.update = Kept.YES
        folder.asked.clear()
        if manners is Manners.REFUSES:
            with pytest.raises(StoreUnsupported):
                keeper.write("file", body, newer)
        else:
            keeper.write("file", body, newer)
        assert folder.asked == ["put if"]


@pytest.mark.parametrize("own", [True, False])
def test_a_clouds_own_endpoint_is_proven_from_the_start(own: bool) -> None:  # noqa: FBT001 (a parameter)
    assert proof_of(f"https://own-{own}.example", "", own=own).capabilities.atomic_update is own
