import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import MalformedKeyset, UnusableKeyset
from clusterstate.state import codec, keyset
from clusterstate.state.node_config import fingerprint
from clusterstate.state.objects import Keyset, KeysetItem
from tests.state.files import read

KEY = "pki/private/kubernetes-ca/keyset.yaml"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def item(name: str, *, trusted: bool = True) -> KeysetItem:
    return KeysetItem(name, None, None, None if trusted else LONG_AGO)


items = st.builds(item, st.from_regex(r"[+-]?[0-9]{1,4}|[a-z]{1,2}|", fullmatch=True), trusted=st.booleans())
keysets = st.builds(Keyset, st.just("ca"), st.none() | st.from_regex(r"[0-9]{1,4}"), st.lists(items).map(tuple))


def stored() -> Keyset:
    return codec.decode_keyset(read(1, KEY), KEY)


@pytest.mark.parametrize(
    ("primary", "held", "expected"),
    [
        ("1", [item("1"), item("2")], "1"),
        (None, [item("9"), item("10")], "10"),
        ("1", [item("1", trusted=False), item("2"), item("3", trusted=False)], "2"),
        ("x", [item("x"), item("2")], "2"),
        ("5", [item("2"), item("3")], "3"),
        ("x", [item("x")], None),
        ("1", [item("1", trusted=False)], None),
        (None, [], None),
        (None, [item("1" * 5000)], None),
    ],
)
def test_the_primary_is_the_one_that_kops_takes(
    primary: str | None, held: list[KeysetItem], expected: str | None
) -> None:
    found = keyset.primary(Keyset("ca", primary, tuple(held)))
    assert (found.id if found else None) == expected


@given(held=keysets)
def test_a_primary_is_trusted_and_there_whenever_one_can_be(held: Keyset) -> None:
    found = keyset.primary(held)
    able = [each for each in held.items if each.trusted and each.id.lstrip("+-").isdecimal()]
    assert (found is None) == (not able)
    assert found is None or found in able


@given(held=keysets)
def test_trusted_items_come_oldest_first(held: Keyset) -> None:
    ids = [each.id for each in keyset.trusted(held)]
    numbers = [int(each) for each in ids if each.lstrip("+-").isdecimal()]
    assert numbers == sorted(numbers)
    assert [each for each in ids if not each.lstrip("+-").isdecimal()] == ids[: len(ids) - len(numbers)]


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ((), "holds no key pair"),
        ((item("1", trusted=False),), "all of its key pairs are distrusted"),
        ((item("1", trusted=False), item("one")), "none of its trusted key pairs has an integer id"),
    ],
)
def test_a_keyset_without_primary_is_refused_by_name(held: tuple[KeysetItem, ...], why: str) -> None:
    with pytest.raises(UnusableKeyset, match=f"{KEY} has no usable primary: .*{why}"):
        keyset.require_primary(Keyset("kubernetes-ca", "1", held), KEY)


def test_the_bundle_holds_every_trusted_certificate_and_no_other() -> None:
    old, new = stored().items
    assert keyset.trust_bundle(stored()) == new.certificate
    both = replace(stored(), items=(new, replace(old, distrusted_at=None)))
    assert keyset.trust_bundle(both) == (old.certificate or b"") + (new.certificate or b"")
    assert keyset.trust_bundle(Keyset("ca", None, ())) == b""


def test_public_keys_are_those_of_the_trusted_certificates() -> None:
    held = codec.decode_keyset(read(0, "pki/private/service-account/keyset.yaml"), "x")
    certificate = x509.load_pem_x509_certificate(held.items[0].certificate or b"")
    assert load_pem_public_key(keyset.public_keys(held)) == certificate.public_key()


def test_the_end_of_a_certificate_is_told_with_its_zone() -> None:
    old, new = stored().items
    certificate = x509.load_pem_x509_certificate(new.certificate or b"")
    assert keyset.certificate_not_after(new) == certificate.not_valid_after_utc
    assert keyset.certificate_not_after(replace(old, certificate=None)) is None


def reversioned() -> bytes:
    """A certificate of version 10, which there is none of."""
    certificate = x509.load_pem_x509_certificate(stored().items[1].certificate or b"").public_bytes(Encoding.DER)
    assert certificate.count(b"\xa0\x03\x02\x01\x02") == 1
    return armoured(certificate.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09"))


def unknown_algorithm() -> bytes:
    """A certificate for a key of a kind that nobody knows."""
    certificate = x509.load_pem_x509_certificate(stored().items[1].certificate or b"").public_bytes(Encoding.DER)
    rsa = bytes.fromhex("06092a864886f70d010101")
    assert certificate.count(rsa) == 1
    return armoured(certificate.replace(rsa, rsa[:-1] + b"\x63"))


def armoured(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("certificate", [reversioned(), armoured(b"canary")])
def test_no_odd_certificate_is_a_bug_of_ours(certificate: bytes) -> None:
    items = (stored().items[0], replace(stored().items[1], certificate=certificate))
    broken = replace(stored(), items=items)
    with pytest.raises(MalformedKeyset, match=f"{KEY}: .*{items[1].id}"):
        keyset.require_usable(broken, KEY)
    for use in (keyset.trust_bundle, keyset.public_keys):
        with pytest.raises(MalformedKeyset, match=items[1].id):
            use(broken)


def test_a_key_of_unknown_kind_spoils_only_what_needs_it() -> None:
    items = (replace(stored().items[1], certificate=unknown_algorithm()),)
    odd = replace(stored(), items=items)
    keyset.require_usable(odd, KEY)
    assert keyset.trust_bundle(odd)
    with pytest.raises(MalformedKeyset, match="keyset/kubernetes-ca: the public key"):
        keyset.public_keys(odd)
    assert fingerprint("kubernetes-ca", items[0])
    assert not fingerprint("service-account", items[0])


def test_a_whole_keyset_is_usable_and_one_without_primary_is_not() -> None:
    keyset.require_usable(stored(), KEY)
    with pytest.raises(UnusableKeyset, match=KEY):
        keyset.require_usable(Keyset("kubernetes-ca", None, ()), KEY)


def test_a_certificate_that_cannot_be_read_is_named_by_its_id_only() -> None:
    broken = replace(
        stored().items[1], certificate=b"-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"
    )
    with pytest.raises(MalformedKeyset, match=broken.id) as caught:
        keyset.certificate_not_after(broken)
    assert "Y2FuYXJ5" not in str(caught.value)
