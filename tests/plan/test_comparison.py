"""Two states are compared file by file, and nothing secret is ever told."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.plan.changes import Action
from clusterstate.plan.comparison import MOST_SHOWN, FileDifference, compare_states
from clusterstate.state.digests import Digests
from tests.plan.states import DATA, NAME

DIGESTS = Digests(b"key of a test run")
FOLDER = DATA / "kops-store" / NAME
GOLDEN = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
KEYSET = "pki/private/kubernetes-ca/keyset.yaml"
CANARY = "canary-of-a-secret"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----\n"
SWAPPED = {Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE, Action.UPDATE: Action.UPDATE}

CONTENTS = st.one_of(
    st.sampled_from([data[:length] for data in GOLDEN.values() for length in (len(data), len(data) // 2, 0)]),
    st.binary(max_size=40),
    st.text("ab\n\r\t", max_size=20).map(str.encode),
)
KEYS = st.sampled_from(
    [*GOLDEN, "addons/a.yaml", "manifests/b", "unknown", "pki/private/old/1.key", "kops-version.txt"]
)
STATES = st.dictionaries(KEYS, CONTENTS, max_size=6)


def compare(key: str, old: str | bytes | None, new: str | bytes | None) -> FileDifference | None:
    sides = ({} if data is None else {key: data if isinstance(data, bytes) else data.encode()} for data in (old, new))
    found = compare_states(*sides, DIGESTS)
    return found.files[0] if found.files else None


def told(key: str, old: str | bytes | None, new: str | bytes | None) -> FileDifference:
    found = compare(key, old, new)
    assert found is not None
    return found


@given(STATES)
def test_a_state_is_itself(state: Any) -> None:
    found = compare_states(state, dict(state), DIGESTS)
    assert (found.files, found.same) == ((), len(state))


@given(STATES, STATES)
def test_swapped_sides_give_the_same_files_swapped(one: Any, other: Any) -> None:
    there, back = compare_states(one, other, DIGESTS), compare_states(other, one, DIGESTS)
    assert there.same == back.same
    assert there.kept == back.kept
    for here, again in zip(there.files, back.files, strict=True):
        assert (here.key, SWAPPED[here.action], bool(here.lines)) == (again.key, again.action, bool(again.lines))
        assert [(each.pointer, each.old, each.new) for each in here.fields] == [
            (each.pointer, each.new, each.old) for each in again.fields
        ]


def test_what_kops_would_not_keep_is_no_difference() -> None:
    config = GOLDEN["config"].decode()
    assert compare("config", config, config.replace("generation: 1", "generation: 7")) is None
    assert (
        compare("config", config, config.replace("  channel: stable\n", "  channel: stable\n  dnsZone: ''\n")) is None
    )
    assert compare("config", config, config.replace("kops.k8s.io/v1alpha2", "kops/v1alpha2")) is None
    changed = told("config", config, config.replace("channel: stable", "channel: alpha"))
    assert [(each.pointer, each.old, each.new) for each in changed.fields] == [("/spec/channel", "stable", "alpha")]


def test_a_document_that_cannot_be_read_is_compared_by_lines() -> None:
    config = GOLDEN["config"].decode()
    found = told("config", config, config.replace("kind: Cluster", "kind: Sluster"))
    assert (found.fields, "must be a kops object" in found.note) == ((), True)
    assert [line for line in found.lines if line.startswith(("-", "+"))] == ["-kind: Cluster", "+kind: Sluster"]


def test_texts_are_shown_by_lines_and_no_more_than_a_few() -> None:
    found = told("addons/a.yaml", "a: 1\nb: 2\n", "a: 1\nb: 3")
    assert found.lines == ("@@ -1,2 +1,3 @@", " a: 1", "-b: 2", "+b: 3", "+\\ No newline at end of file")
    found = told("addons/a.yaml", None, "line\n" * 1000)
    assert (len(found.lines), found.left_out) == (MOST_SHOWN, 1001 - MOST_SHOWN)
    assert told("addons/a.yaml", None, "line\n" * 10_000).fields[0].pointer == "/content"


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("secrets/token", '{"Data":"Y2FuYXJ5LW9mLWEtc2VjcmV0"}'),
        ("secrets/token", CANARY),
        (KEYSET, KEY),
        ("pki/private/old/1.key", KEY),
        ("unknown", CANARY),
        ("addons/a.yaml", f"apiVersion: v1\nkind: Secret\nstringData: {{a: {CANARY}}}\n"),
        ("addons/a.yaml", f'{{"kind": "Secret", "stringData": {{"a": "{CANARY}"}}}}'),
        ("manifests/a", KEY),
        ("config", GOLDEN["config"].decode().replace("spec:", f"spec:\n  x: {KEY!r}".replace("'", '"'), 1)),
        ("config", KEY),
    ],
)
def test_nothing_secret_is_told(key: str, data: str) -> None:
    for old, new in ((None, data), (data, None), (data, data.replace(CANARY, "other")), (data, data + "\n")):
        if old != new:
            assert CANARY not in repr(compare(key, old, new))
    assert CANARY not in repr(compare_states({key: data.encode()}, {key: data.encode()}, DIGESTS))


def test_a_file_that_comes_from_a_secret_is_told_by_its_digest() -> None:
    sides = ({"addons/a.yaml": b"a: 1\n"}, {"addons/a.yaml": CANARY.encode()})
    found = compare_states(*sides, DIGESTS, frozenset({"addons/a.yaml"}))
    assert [each.pointer for each in found.files[0].fields] == ["/content"]
    assert CANARY not in repr(found)


def test_keysets_tell_certificates_and_whether_private_keys_are_the_same() -> None:
    keyset = GOLDEN[KEYSET].decode()
    material = next(line for line in keyset.splitlines() if "privateMaterial" in line)
    other = base64.b64encode(KEY.replace(CANARY, "AAAA").encode()).decode()
    found = told(KEYSET, keyset, keyset.replace(material, f"{material.split(':')[0]}: {other}"))
    assert [(each.action, each.pointer.rpartition("/")[2]) for each in found.fields] == [(Action.UPDATE, "privateKey")]
    assert other not in repr(found)
    whole = told(KEYSET, None, keyset)
    kinds = {each.pointer.rpartition("/")[2] for each in whole.fields}
    assert kinds == {"primary", "privateKey", "sha256", "subject", "notAfter", "distrusted"}
    assert "PRIVATE" not in repr(whole)


def test_secrets_that_stay_are_named_with_their_digest() -> None:
    found = compare_states(GOLDEN, dict(GOLDEN), DIGESTS)
    kept = {(each.key, each.pointer) for each in found.kept}
    assert ("secrets/dockerconfig", "/content") in kept
    assert sum(key == KEYSET for key, _ in kept) == GOLDEN[KEYSET].count(b"privateMaterial")
    other = compare_states(GOLDEN, dict(GOLDEN), Digests(b"another key"))
    assert {each.digest for each in found.kept}.isdisjoint(each.digest for each in other.kept)
