"""Names: valid ones stay, others become valid, one original always gives one name."""

import re
from string import ascii_lowercase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clusterstate.mirror.names import MAX_NAME, data_key, fitted, mirror_name

DNS_1123_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
CONFIG_MAP_KEY = r"[-._a-zA-Z0-9]+"
FIELDS = {"clusterState": "prod", "kind": "keyset", "name": "kubernetes-ca"}


def test_a_valid_name_stands_as_it_is() -> None:
    assert mirror_name("{clusterState}-{kind}-{name}", FIELDS) == "prod-keyset-kubernetes-ca"


@pytest.mark.parametrize(
    ("original", "start"),
    [
        ("prod-secret-system:dns", "prod-secret-system-dns-"),
        ("Prod", "prod-"),
        ("a..b.", "a.b-"),
        ("-a-", "a-"),
        ("über_all", "ber-all-"),
        ("x" * 300, "x" * 242 + "-"),
    ],
)
def test_another_is_lower_cased_cut_and_ends_in_a_digest(original: str, start: str) -> None:
    name = fitted(original, MAX_NAME)
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{10}", name)
    assert len(name) <= MAX_NAME


def test_originals_that_differ_only_in_what_is_lost_stay_apart() -> None:
    originals = ["a_b", "a:b", "A-b", "a-B", "a-b", "a-b-", "x" * 254, "x" * 255, "é", "è"]
    assert len({fitted(original, MAX_NAME) for original in originals}) == len(originals)


def test_what_a_name_brings_along_is_not_filled_in_again() -> None:
    fields = {**FIELDS, "name": "{clusterState}"}
    assert mirror_name("{name}", fields) == fitted("{clusterState}", MAX_NAME)


def test_an_unknown_field_stays() -> None:
    assert mirror_name("{nam}-{name}", FIELDS) == fitted("{nam}-kubernetes-ca", MAX_NAME)


@given(st.text(), st.integers(min_value=12, max_value=MAX_NAME))
@example("", 12)
@example("...", 12)
@example("\ud800", 63)
@example("a" * 11 + ".b", 12)
@example("a\n", 63)
def test_every_text_becomes_a_valid_name(text: str, longest: int) -> None:
    name = fitted(text, longest)
    assert re.fullmatch(DNS_1123_SUBDOMAIN, name)
    assert len(name) <= longest
    assert fitted(text, longest) == name
    assert fitted(name, longest) == name


@given(
    st.text(alphabet=ascii_lowercase + "AB-_.:", max_size=20), st.text(alphabet=ascii_lowercase + "AB-_.:", max_size=20)
)
def test_different_originals_get_different_names(one: str, other: str) -> None:
    assert (fitted(one, 40) == fitted(other, 40)) == (one == other)


@pytest.mark.parametrize(
    ("name", "key"),
    [("encryptionconfig", "encryptionconfig"), ("system:dns", "system-dns"), (".", "-"), ("..x", "-.x"), (".x", ".x")],
)
def test_the_key_of_a_secret_is_its_name_as_far_as_a_key_may_hold_it(name: str, key: str) -> None:
    assert data_key(name) == key


@given(st.text(min_size=1))
def test_every_name_becomes_a_valid_key(name: str) -> None:
    key = data_key(name)
    assert re.fullmatch(CONFIG_MAP_KEY, key)
    assert len(key) <= MAX_NAME
    assert key != "."
    assert not key.startswith("..")
