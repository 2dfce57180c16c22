import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import StoreRefused
from clusterstate.store.key import MAX_BYTES, check_key, check_prefix, find_flaw, join

SEGMENTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=20).filter(
    lambda text: "/" not in text and text not in {".", ".."}
)
KEYS = st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join)


@given(KEYS)
def test_every_start_of_a_key_is_a_prefix(key: str) -> None:
    assert check_key(key) == key
    for end in range(len(key) + 1):
        assert check_prefix(key[:end]) == key[:end]


@given(KEYS, KEYS)
def test_joined_keys_are_a_key(one: str, other: str) -> None:
    assert check_key(join(one, "", other)) == f"{one}/{other}"


@given(st.text())
def test_no_key_leads_elsewhere(text: str) -> None:
    if find_flaw(text) is None:
        assert not {"", ".", ".."} & set(text.split("/"))
        assert len(text.encode()) <= MAX_BYTES
        assert text.isprintable() or not any(ord(character) < 32 for character in text)


@pytest.mark.parametrize("prefix", ["/", "//", "a//", "../", "a/../b", "./", "\x00", "x" * 1025])
def test_what_no_key_starts_with_is_refused(prefix: str) -> None:
    with pytest.raises(StoreRefused):
        check_prefix(prefix)


def test_the_longest_key_is_counted_in_bytes() -> None:
    check_key("é" * 512)
    with pytest.raises(StoreRefused, match="1024 bytes"):
        check_key("é" * 513)


def test_a_refusal_repeats_only_a_part() -> None:
    with pytest.raises(StoreRefused) as caught:
        check_key("x" * 100_000)
    assert len(caught.value.message) < 300
