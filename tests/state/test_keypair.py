"""Key pairs in keysets, by kops's own rules."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509 import KeyUsage

from clusterstate.errors import SpecInvalid
from clusterstate.state import codec
from clusterstate.state.digests import Digests, comparable
from clusterstate.state.key_material import read_key_pair
from clusterstate.state.keypair import choose_id, public_keys_of, with_key_pair
from clusterstate.state.keyset import primary
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset, KeysetItem
from tests.plan.states import DATA
from tests.support.keypairs import CERT_MANAGERS_USAGE, DAY, NOW, certificate, pem, usage

KEY = ec.generate_private_key(ec.SECP256R1())
TODAY = int(NOW.timestamp()) * 10**9 << 32
GOLDEN = keyset_key("kubernetes-ca")


def golden() -> Keyset:
    return codec.decode_keyset((DATA / "kops-store" / "complex.example.com" / GOLDEN).read_bytes(), GOLDEN)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_is_written_as_kops_writes_it(kind: str) -> None:
    key = KEY if kind == "ec" else rsa.generate_private_key(65537, 2048)
    pair = read_key_pair(certificate(key) + certificate(KEY), pem(key), "here")
    assert pair.private_key == pem(key, PrivateFormat.TraditionalOpenSSL)
    assert pair.facts.authority
    assert "PRIVATE" not in repr(pair)


def test_what_does_not_belong_together_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    for certificate_, key, words in (
        (certificate(KEY), pem(other), "isn't the key of"),
        (b"nonsense", pem(KEY), "holds no certificate"),
        (certificate(KEY), b"nonsense", "holds no private key"),
        (certificate(KEY), pem(ed25519.Ed25519PrivateKey.generate()), "RSA and ECDSA"),
    ):
        with pytest.raises(SpecInvalid, match=f"^here: .*{words}"):
            read_key_pair(certificate_, key, "here")


def test_the_id_is_the_serial_unless_it_is_taken_or_of_the_future() -> None:
    facts = read_key_pair(certificate(KEY, serial=TODAY - 1), pem(KEY), "").facts
    assert choose_id(facts, None, NOW) == str(TODAY - 1)
    assert choose_id(facts, golden(), NOW) == str(TODAY - 1)
    long = replace(facts, serial=1 << 158)
    made = int(choose_id(long, None, NOW))
    assert made == int(choose_id(long, None, NOW + DAY)), "a plan doesn't depend on the time"
    assert made >> 32 == int((NOW - DAY).timestamp()) * 10**9
    taken = Keyset("x", None, (KeysetItem(str(TODAY - 1), None, None), KeysetItem(str(TODAY), None, None)))
    assert choose_id(facts, taken, NOW) == str(TODAY + 1)
    assert choose_id(replace(long, not_before=NOW - timedelta(days=36500)), None, NOW).isdigit()


def test_a_small_serial_is_an_id_of_its_own_below_the_primary() -> None:
    facts = read_key_pair(certificate(KEY, serial=7), pem(KEY), "").facts
    before = golden()
    assert choose_id(facts, before, NOW) == "7", "as kops would have it for a key pair that isn't the primary"
    after = with_key_pair(before, before.name, read_key_pair(certificate(KEY, serial=7), pem(KEY), ""), "7")
    assert (primary(after), after.items[0].id) == (primary(before), "7")
    taken = replace(before, items=(*before.items, KeysetItem("7", None, None)))
    assert int(choose_id(facts, taken, NOW)) > max(int(item.id) for item in before.items)


@pytest.mark.parametrize(
    ("given", "signs", "like_kops"),
    [
        (None, True, False),
        (usage("key_cert_sign", "crl_sign"), True, True),
        (CERT_MANAGERS_USAGE, True, False),
        (usage("digital_signature"), False, False),
    ],
)
def test_what_a_certificate_may_be_used_for(given: KeyUsage | None, *, signs: bool, like_kops: bool) -> None:
    facts = read_key_pair(certificate(KEY, usage=given), pem(KEY), "").facts
    assert (facts.signs, facts.kops_type, facts.common_name) == (signs, like_kops, "test")
    assert not read_key_pair(certificate(KEY, usage=given, authority=False), pem(KEY), "").facts.kops_type


def test_the_type_of_what_kops_makes_is_its_own() -> None:
    for path in (DATA / "kops-store").glob("*/pki/private/*/keyset.yaml"):
        for item in codec.decode_keyset(path.read_bytes(), keyset_key(path.parent.name)).items:
            if item.certificate and item.private_key:
                assert read_key_pair(item.certificate, item.private_key, str(path)).facts.kops_type, path


def test_one_more_key_pair_leaves_the_primary_alone_and_is_found_again() -> None:
    pair = read_key_pair(certificate(KEY, serial=1 << 158), pem(KEY), "")
    before = replace(golden(), primary_id=None)
    newest = primary(before)
    assert newest is not None
    after = with_key_pair(before, "kubernetes-ca", pair, str(TODAY))
    assert primary(after) == newest, "though its id isn't the highest any more"
    assert [item.id for item in after.items] == [*(item.id for item in before.items), str(TODAY)]
    assert public_keys_of(after) == public_keys_of(before) | {pair.facts.public_key}
    assert codec.decode_keyset(codec.encode_keyset(after), GOLDEN) == replace(after, rest=before.rest)
    new = with_key_pair(None, "kubelet", pair, "7")
    assert primary(new) == new.items[0]
    assert codec.decode_keyset(codec.encode_keyset(new), keyset_key("kubelet")).primary_id == "7"


def test_digests_tell_only_whether_contents_are_equal() -> None:
    one, other = Digests(b"a" * 32), Digests(b"b" * 32)
    assert one.of("k", b"x") == Digests(b"a" * 32).of("k", b"x")
    assert len({one.of("k", b"x"), one.of("k", b"y"), one.of("l", b"x"), other.of("k", b"x")}) == 4
    assert comparable(one.of("k", b"x"), one.of("k", b"y"))
    assert not comparable(one.of("k", b"x"), other.of("k", b"x"))
    assert comparable("1f", "2e")
