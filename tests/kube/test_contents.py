"""The data of a revision: small, equal for equal contents, and never more than its shape when it is read."""

import base64
import gzip
import os
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import SpecTooLarge, Unreadable
from clusterstate.kube.contents import MAX_CONTENT, MAX_PACKED, pack, pack_back, unpack, unpack_back

JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists)
CONTENTS = st.fixed_dictionaries(
    {
        "cluster": st.none() | st.dictionaries(st.text(), JSON),
        "instanceGroups": st.dictionaries(
            st.text(),
            st.fixed_dictionaries(
                {"spec": st.dictionaries(st.text(), JSON), "labels": st.dictionaries(st.text(), st.text())}
            ),
        ),
        "created": st.dictionaries(st.text(), st.lists(st.text())),
    }
)


@given(content=CONTENTS)
def test_what_was_packed_is_unpacked_and_equal_contents_are_equal_texts(content: dict[str, Any]) -> None:
    assert unpack(pack(content)) == content
    assert pack(unpack(pack(content))) == pack(content)


def packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%",
        "é",
        "bm8gZ3ppcA==",
        base64.b64encode(zlib.compress(b"{}")).decode(),
        base64.b64encode(gzip.compress(b"{}", mtime=0)[:-9]).decode(),
        base64.b64encode(gzip.compress(b"{}", mtime=0)[:-8] + b"12345678").decode(),
        packed(b"{"),
        packed(b"[]"),
        packed(b"\xff"),
        packed(b'{"created":' + b"[" * 5000),
        packed(b'{"cluster": []}'),
        packed(b'{"cluster": "x"}'),
        packed(b'{"instanceGroups": ["a"]}'),
        packed(b'{"instanceGroups": {"a": 1}}'),
        packed(b'{"instanceGroups": {"a": {"spec": null}}}'),
        packed(b'{"instanceGroups": {"a": {"labels": {"b": 1}}}}'),
        packed(b'{"created": {"config": "abc"}}'),
        packed(b'{"created": {"config": [["a"]]}}'),
    ],
)
def test_damage_and_other_shapes_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="Delete it"):
        unpack(text)


@given(newer=CONTENTS, older=CONTENTS)
def test_a_newer_content_leads_back_to_an_older_one(newer: dict[str, Any], older: dict[str, Any]) -> None:
    assert unpack_back(newer, pack_back(newer, older)) == older


NEWER: dict[str, Any] = {"cluster": {"channel": "stable"}, "instanceGroups": {}, "created": {}}
OLDER = {**NEWER, "cluster": {"channel": None}}


@pytest.mark.parametrize(
    ("newer", "text"),
    [
        ({**NEWER, "later": 1}, pack_back(NEWER, OLDER)),
        ({"cluster": None}, pack_back(NEWER, OLDER)),
        (NEWER, pack(OLDER)),
        (NEWER, "%"),
        (NEWER, packed(b'{"digest": "", "patch": []}')),
        (NEWER, packed(b'{"digest": "", "patch": [{"op": "replace", "path": "", "value": 1}]}')),
    ],
)
def test_nothing_else_leads_back(newer: dict[str, Any], text: str) -> None:
    with pytest.raises(Unreadable, match="Delete it"):
        unpack_back(newer, text)


def test_a_large_declaration_that_changed_a_little_takes_little() -> None:
    groups = {f"nodes-{each}": {"spec": {"image": os.urandom(8).hex() * 64}, "labels": {}} for each in range(500)}
    newer = {**NEWER, "instanceGroups": groups}
    older = {**newer, "instanceGroups": {**groups, "nodes-7": {"spec": {}, "labels": {}}}}
    assert len(pack(newer)) > 20 * len(pack_back(newer, older))


def test_parts_may_be_missing_and_new_ones_are_kept() -> None:
    assert unpack(packed(b"{}")) == {}
    assert unpack(packed(b'{"later": 1}')) == {"later": 1}


def test_a_bomb_is_not_set_off() -> None:
    bomb = packed(b'{"cluster": {"a": "' + b" " * (20 * MAX_CONTENT) + b'"}}')
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_CONTENT
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", [os.urandom(MAX_PACKED).hex(), " " * MAX_CONTENT])
def test_what_no_object_can_hold_or_nobody_could_read_is_refused(text: str) -> None:
    with pytest.raises(SpecTooLarge, match="Declare less"):
        pack({"cluster": {"text": text}})
