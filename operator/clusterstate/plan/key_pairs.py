"""Which key pairs from TLS Secrets may come into a keyset, and what people are told of those that may. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clusterstate.errors import SpecInvalid
from clusterstate.plan.desired import Desired
from clusterstate.plan.generation import is_service_account, names_published, require_algorithm
from clusterstate.state.keypair import KeyPairFacts, public_key_of
from clusterstate.state.keyset import by_age, certificate_not_after, primary
from clusterstate.state.layout import LEGACY_KEYSETS, names_authority
from clusterstate.state.objects import Keyset

MOST_NEWER: Final = 10
"""Trusted key pairs that are newer than the primary, beyond which none is added: a Secret that flaps has no bound."""


def require_fit(name: str, pair: KeyPairFacts, keysets: Mapping[str, Keyset], now: datetime) -> None:
    """Raise `SpecInvalid` for a key pair that would do harm in the keyset."""
    where = f"spec.keysets[{name}]"
    require_able(name, pair, where, now)
    require_current_name(name, keysets)
    _require_room(where, keysets.get(name))


def require_able(name: str, pair: KeyPairFacts, where: str, now: datetime) -> None:
    """Raise `SpecInvalid`, which names `where`, for a key pair that can't do what the keyset's primary does."""
    if pair.not_after <= now:
        raise SpecInvalid(f"{where}: the certificate ended at {pair.not_after:%Y-%m-%d %H:%M} UTC. Renew it.")
    if pair.not_before > now:
        raise SpecInvalid(f"{where}: the certificate begins at {pair.not_before:%Y-%m-%d %H:%M} UTC only. Wait for it.")
    if names_authority(name) and not pair.authority:
        raise SpecInvalid(
            f"{where}: the certificate isn't a CA's, but this keyset's sign others. Give one with CA:TRUE."
        )
    if names_authority(name) and not pair.signs:
        raise SpecInvalid(
            f"{where}: by its key usage the certificate can't sign others, as this keyset's do. Have it issued with "
            "the usages cert sign and crl sign."
        )
    require_algorithm(name, pair.algorithm, where)


def require_current_name(name: str, keysets: Mapping[str, Keyset]) -> None:
    """Raise `SpecInvalid` where kops uses a keyset of an old name, which a new one would put out of use."""
    old = LEGACY_KEYSETS.get(name)
    if old in keysets and name not in keysets:
        raise SpecInvalid(
            f"spec.keysets[{name}]: the store has this keyset under its old name {old}, which kops reads as long as "
            f"there is no {name}: a new one would replace what the running cluster trusts. Declare it as {old}."
        )


def _require_room(where: str, keyset: Keyset | None) -> None:
    chosen = primary(keyset) if keyset else None
    if keyset is None or chosen is None:
        return
    newer = sum(item.trusted and by_age(item) > by_age(chosen) for item in keyset.items)
    if newer > MOST_NEWER:
        raise SpecInvalid(
            f"{where}: {newer} key pairs are newer than the primary, and another one would be added. Does somebody "
            "renew the Secret again and again? Promote one of them with kops promote keypair, or distrust those that "
            "nobody needs."
        )


def find_warnings(desired: Desired, keysets: Mapping[str, Keyset]) -> Iterator[str]:
    """Give what people should know of the declared key pairs, though nothing forbids them."""
    for name, pair in sorted(desired.key_pairs.items()):
        for text in _warn(name, pair, keysets.get(name)):
            yield f"spec.keysets[{name}]: {text}"


def _warn(name: str, pair: KeyPairFacts, keyset: Keyset | None) -> Iterator[str]:
    if (names_authority(name) or is_service_account(name)) and not pair.kops_type:
        yield (
            "the certificate isn't of the type that kops makes, a CA with the key usages cert sign and crl sign and no "
            "other. Once it is the primary of a keyset of kops's own, kops update cluster issues another primary with "
            "the same key in its place. Have it issued with just these, in cert-manager by isCA: true and usages: "
            "[cert sign, crl sign]."
        )
    if not names_published(name, pair.common_name):
        yield (
            f"the certificate's common name is {pair.common_name or 'empty'}: kops leaves a key out of OIDC discovery "
            "(serviceAccountIssuerDiscovery) unless it is service-account."
        )
    ends = (
        [certificate_not_after(item) for item in keyset.items if public_key_of(item) == pair.public_key]
        if keyset
        else []
    )
    known = max((each for each in ends if each), default=None)
    if known is not None and known < pair.not_after:
        yield (
            f"the certificate was renewed with the same key, and the keyset keeps the one that ends at "
            f"{known:%Y-%m-%d %H:%M} UTC. Have it renewed with a new key, in cert-manager by "
            "privateKey.rotationPolicy: Always."
        )
