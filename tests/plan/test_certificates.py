"""Which certificates are watched: those that keysets sign or serve with now, whatever else lies in the store."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.errors import MalformedKeyset
from clusterstate.plan.outcome import Certificate, primary_certificates
from clusterstate.state.objects import Keyset, KeysetItem, State
from tests.support.keypairs import certificate

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEARS = [BEGIN + timedelta(days=365 * number) for number in range(1, 6)]
PEMS = [certificate(ec.generate_private_key(ec.SECP256R1()), begins=BEGIN, ends=end) for end in YEARS]


def seen(*keysets: Keyset) -> list[Certificate]:
    return list(primary_certificates(State(keysets={each.name: each for each in keysets})))


def item(number: int, *, private_key: bytes | None = b"key", distrusted: datetime | None = None) -> KeysetItem:
    return KeysetItem(str(number), PEMS[number], private_key, distrusted)


@pytest.mark.parametrize(
    ("keyset", "number"),
    [
        (Keyset("kubernetes-ca", "1", (item(1), item(2))), 1),
        (Keyset("kubernetes-ca", "2", (item(1), item(2))), 2),
        (Keyset("kubernetes-ca", "1", (item(1, private_key=None),)), 1),
        (Keyset("ca", "1", (item(1),)), 1),
        (Keyset("kubernetes-ca", "1", (item(1, distrusted=BEGIN), item(2), item(3))), 3),
        (Keyset("kubernetes-ca", "", (item(1), item(2))), 2),
    ],
    ids=["older", "newer", "no private key", "legacy name", "distrusted", "not named"],
)
def test_the_primary_counts(keyset: Keyset, number: int) -> None:
    assert seen(keyset) == [Certificate(keyset.name, str(number), YEARS[number])]


def test_what_has_no_certificate_or_no_primary_has_none_to_watch() -> None:
    bare = Keyset("service-account", "1", (KeysetItem("1", None, b"key"),))
    lost = Keyset("lost", "1", (item(1, distrusted=BEGIN),))
    fine = Keyset("kubernetes-ca", "1", (item(1),))
    assert [each.keyset for each in seen(bare, lost, fine, Keyset("empty", "", ()))] == ["kubernetes-ca"]


def test_both_names_of_an_authority_are_watched() -> None:
    """A store may hold the legacy name and the new one: kops shows both."""
    assert [each.keyset for each in seen(Keyset("ca", "1", (item(1),)), Keyset("kubernetes-ca", "2", (item(2),)))] == [
        "ca",
        "kubernetes-ca",
    ]


def test_a_certificate_that_cannot_be_read_is_not_passed_over() -> None:
    broken = Keyset("kubernetes-ca", "1", (KeysetItem("1", PEMS[1][:100], b"key"),))
    with pytest.raises(MalformedKeyset, match="1 can't be read"):
        seen(broken)
