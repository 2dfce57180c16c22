"""Three-way decisions between a directory and a store: nothing that somebody changed is lost unasked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import ConflictFound, StoreRefused
from clusterstate.plan.changes import Action
from clusterstate.plan.exchange import (
    Digests,
    Exchange,
    Terms,
    Verdict,
    is_secret,
    is_sensitive,
    judge,
    look_out,
    make_exchange,
    rank,
    require_names,
)

KEYS = ("config", "instancegroup/nodes", "instancegroup/more", "pki/private/ca/keyset.yaml", "secrets/a", "addons/a")
SIDES = st.dictionaries(st.sampled_from(KEYS), st.sampled_from("abc"))
TERMS = st.builds(Terms, delete=st.booleans(), overwrite=st.booleans())
PLACE = "s3://state/prod"


def exchanged(here: Digests, there: Digests, base: Digests, terms: Terms) -> tuple[Exchange, dict[str, str]]:
    """Give the decision, and what the store holds then."""
    done = make_exchange(here, there, base, terms, PLACE)
    return done, {
        **{key: each for key, each in there.items() if key not in done.deletes},
        **{key: here[key] for key in done.writes},
    }


@given(SIDES, SIDES, SIDES)
def test_an_export_takes_nothing_from_the_directory_that_an_export_didnt_put_there(
    there: Digests, here: Digests, base: Digests
) -> None:
    outlook = look_out(there, here, base)
    replaced = {key for key in (*outlook.fetch, *outlook.remove) if key in here}
    assert all(here[key] == base[key] for key in replaced)
    assert {*outlook.fetch} | {*outlook.doubtful} == set(there)
    assert {*outlook.remove} | {*outlook.changed} == {key for key in base if key in here and key not in there}


@given(SIDES, SIDES, SIDES)
def test_an_import_overwrites_nothing_that_the_store_changed(here: Digests, there: Digests, base: Digests) -> None:
    try:
        done, after = exchanged(here, there, base, Terms(delete=True))
    except ConflictFound:
        both = {
            key for key in {*here, *base} if judge(here.get(key), there.get(key), base.get(key)) is Verdict.CONFLICT
        }
        assert both
        return
    touched = {*done.writes, *done.deletes}
    assert all(there.get(key) == base.get(key) for key in touched)
    assert {key: each for key, each in after.items() if key not in touched} == {
        key: each for key, each in there.items() if key not in touched
    }


@given(SIDES, SIDES, SIDES, TERMS)
def test_overwriting_gives_the_store_all_that_the_directory_has(
    here: Digests, there: Digests, base: Digests, terms: Terms
) -> None:
    done, after = exchanged(here, there, base, replace(terms, overwrite=True))
    assert {key: after[key] for key in here} == here
    assert all(key in base and key not in here for key in (*done.deletes, *done.spared, *done.kept))


@given(SIDES, SIDES, SIDES, TERMS)
def test_an_import_done_again_finds_nothing_to_do(here: Digests, there: Digests, base: Digests, terms: Terms) -> None:
    try:
        done, after = exchanged(here, there, base, terms)
    except ConflictFound:
        return
    again, _ = exchanged(here, after, base, terms)
    assert not again.writes
    assert not again.deletes
    assert (again.spared, again.kept) == (done.spared, done.kept)


@given(SIDES, SIDES, SIDES)
def test_no_import_deletes_keys_secrets_or_the_configuration(here: Digests, there: Digests, base: Digests) -> None:
    done = make_exchange(here, there, base, Terms(delete=True, overwrite=True), PLACE)
    assert {*done.deletes} <= {"instancegroup/nodes", "instancegroup/more", "addons/a"}


def test_config_is_written_last_and_keys_first() -> None:
    done = make_exchange(dict.fromkeys(KEYS, "a"), {}, {}, Terms(), PLACE)
    assert done.writes[-1] == "config"
    assert [rank(key) for key in done.writes] == sorted(map(rank, KEYS))
    assert rank("pki/ssh/public/admin/0") == 0 < rank("addons/a") < rank("instancegroup/a") < rank("config")


def test_what_becomes_of_a_file() -> None:
    here, there = {"addons/a": "1", "addons/b": "2"}, {"addons/b": "1", "addons/c": "1"}
    done = make_exchange(here, there, {"addons/b": "1", "addons/c": "1"}, Terms(delete=True), PLACE)
    actions = {key: done.action(key, there) for key in (*done.writes, *done.deletes)}
    assert actions == {"addons/a": Action.CREATE, "addons/b": Action.UPDATE, "addons/c": Action.DELETE}


def test_a_conflict_names_the_files_and_what_is_to_be_done() -> None:
    with pytest.raises(ConflictFound, match=r"^config: in s3://state/prod .* the directory too.*--overwrite"):
        make_exchange({"config": "1"}, {"config": "2"}, {"config": "3"}, Terms(), PLACE)
    with pytest.raises(ConflictFound, match="no export recorded"):
        make_exchange({"config": "1"}, {"config": "2"}, {}, Terms(), PLACE)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("secrets/dockerconfig", (True, True)),
        ("pki/private/ca/keyset.yaml", (True, True)),
        ("pki/private/ca/6894.key", (True, True)),
        ("pki/issued/ca/keyset.yaml", (False, False)),
        ("pki/ssh/public/admin/0", (False, False)),
        ("backups/etcd/main/a", (False, True)),
        ("config", (False, False)),
    ],
)
def test_which_files_are_secret(key: str, expected: tuple[bool, bool]) -> None:
    assert (is_secret(key), is_sensitive(key)) == expected


@pytest.mark.parametrize(
    ("cluster", "keys", "said"),
    [
        ("prod", ["a//b"], "'prod/a//b' starts or ends"),
        ("prod", ["../evil"], r"holds a segment '.' or '..'"),
        ("prod", ["addons/.GIT/config"], "belongs to git"),
        ("prod", [".clusterstate.json"], "starts with .clusterstate"),
        (".git", ["config"], "starts with a dot"),
        ("prod", ["instancegroup/Nodes", "instancegroup/nodes"], "the same name where case"),
        ("prod", ["addons/a", "addons/A/b"], "would be a file and, for prod/addons/A/b, a folder"),
        ("prod", ["a\nb"], "control character"),
    ],
)
def test_names_that_are_no_files_of_a_directory_are_refused(cluster: str, keys: list[str], said: str) -> None:
    with pytest.raises(StoreRefused, match=said):
        require_names(cluster, keys)


def test_usual_names_are_files_of_a_directory() -> None:
    require_names("prod.example.com", KEYS)
