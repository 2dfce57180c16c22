"""When a keyset gets a key pair of the operator's making, and what kops can't use. Pure: nothing is made here.

What is asked for is held against the newest key pair in the store, whoever made it; so a run that was killed at any
point is followed by one that sees what came of it. What was applied tells only one thing more: that a key pair was
there once. Where it is gone, another one in its place would be trusted by nobody, so a person has to ask for it anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from clusterstate.api.durations import parse_duration
from clusterstate.api.keysets import SIZES, Generate, KeyAlgorithm, Keyset
from clusterstate.errors import KeysetGone, SpecInvalid
from clusterstate.plan.changes import Action, Change, FieldChange
from clusterstate.plan.desired import DriftPolicy, Generation, KeyRequest
from clusterstate.state.keypair import Newest, find_newest
from clusterstate.state.layout import LEGACY_KEYSETS, keyset_key, names_authority
from clusterstate.state.node_config import SERVICE_ACCOUNT
from clusterstate.state.objects import Keyset as StoredKeyset
from clusterstate.state.objects import State

LONGEST_COMMON_NAME: Final = 64
"""Bytes, as X.509 has it."""
AHEAD: Final = timedelta(days=1)
"""How far ahead a moment may be that another key pair is asked for: clocks differ, and people plan for the night."""
PASSED: Final = timedelta(seconds=1)
"""After a moment, until it is looked whether a key pair is asked for by it."""
_CURRENT: Final = {old: name for name, old in LEGACY_KEYSETS.items()}
_ADDED: Final = "/spec/keys/-"
"""The item that is going to be the last one: its id isn't known before it is made."""


class Generated(NamedTuple):
    """What became of one keyset."""

    applied: str | None
    change: Change | None = None
    drift: bool = False


def declared_generations(keysets: Iterable[Keyset]) -> dict[str, Generation]:
    """Give what is declared, by the keyset's name. Raises `SpecInvalid` for what kops or Kubernetes can't use."""
    return {each.name: _declared(each.name, each.generate) for each in keysets if each.generate is not None}


def _declared(name: str, generate: Generate) -> Generation:
    request = KeyRequest(
        algorithm=generate.algorithm,
        size=generate.size or SIZES[generate.algorithm][0],
        common_name=generate.common_name or _CURRENT.get(name, name),
        validity=parse_duration(generate.validity),
    )
    where = f"spec.keysets[{name}].generate"
    _require_name(name, where)
    require_algorithm(name, request.algorithm, where)
    _require_common_name(name, request.common_name, where)
    renew_before = parse_duration(generate.renew_before) if generate.renew_before else None
    return Generation(request, _moment(generate.newer_than, where), renew_before)


def _moment(text: str | None, where: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise SpecInvalid(f"{where}.newerThan: {text} is no time. Correct it.") from None


def is_service_account(name: str) -> bool:
    """Whether tokens of service accounts are signed by the keyset of this name, the current one or an old one."""
    return _CURRENT.get(name, name) == SERVICE_ACCOUNT


def names_published(name: str, common_name: str) -> bool:
    """Whether kops publishes keys with certificates of this common name where it publishes those of the keyset.

    For OIDC discovery it takes `service-account` alone (`pkg/model/issuerdiscovery.go`).
    """
    return not is_service_account(name) or common_name == SERVICE_ACCOUNT


def _require_name(name: str, where: str) -> None:
    """Refuse names that don't tell that what is made is a CA; kops would take any with `-ca` in it."""
    if not names_authority(name) and not is_service_account(name):
        raise SpecInvalid(
            f"{where}: key pairs are made for service-account, and for CAs, in whose names ca is a word of its own: "
            "ca, …-ca, …-ca-…. By that mirrors know whose private keys need an exact name. Give tlsSecretRef instead, "
            "or correct the name."
        )


def require_algorithm(name: str, algorithm: KeyAlgorithm, where: str) -> None:
    """Refuse an ECDSA key where what reads it wants RSA.

    kops publishes the keys of service accounts as RS256 alone (`pkg/model/issuerdiscovery.go`), and the etcd-manager of
    kops 1.35.2, v3.0.20260707, loads no other private key (`pkg/pki/fs.go` of kubernetes-sigs/etcd-manager).
    """
    if algorithm is KeyAlgorithm.RSA:
        return
    if is_service_account(name):
        raise SpecInvalid(f"{where}: kops publishes service-account keys as RS256 alone, so they must be RSA. Use RSA.")
    if name.startswith("etcd-"):
        raise SpecInvalid(f"{where}: etcd-manager loads RSA keys only, and etcd wouldn't start with another. Use RSA.")


def _require_common_name(name: str, common_name: str, where: str) -> None:
    if not names_published(name, common_name):
        raise SpecInvalid(
            f"{where}.commonName: kops publishes those keys only whose certificate names {SERVICE_ACCOUNT}. Remove it."
        )
    if len(common_name.encode()) > LONGEST_COMMON_NAME:
        raise SpecInvalid(
            f"{where}.commonName: {common_name} has more than the {LONGEST_COMMON_NAME} bytes that a certificate may "
            "have there. Give a shorter one."
        )


def is_met(asked: str, made: str | None) -> bool:
    """Whether the newest key pair, made at that moment, is what was asked for by `newerThan`, if by anything."""
    return made is not None and (not asked or _time(made) > _time(asked))


def moments(keysets: Mapping[str, StoredKeyset]) -> dict[str, str]:
    """Give the moments at which the newest key pairs were made, by their keysets' names."""
    found = ((name, find_newest(keyset)) for name, keyset in sorted(keysets.items()))
    return {name: newest.made.isoformat() for name, newest in found if newest is not None}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def generate(
    name: str, wanted: Generation, keyset: StoredKeyset | None, known: str | None, drift: DriftPolicy, now: datetime
) -> Generated:
    """Decide whether a key pair is to be made; `known` is what was applied, None where nothing was.

    A moment of today or tomorrow asks for nothing until it has passed. Raises `SpecInvalid` for a later one, and
    `KeysetGone` where a key pair that was there is gone.
    """
    where = f"spec.keysets[{name}].generate"
    if wanted.newer_than is not None and wanted.newer_than >= now:
        if wanted.newer_than > now + AHEAD:
            raise SpecInvalid(f"{where}.newerThan: {wanted.asked} is yet to come. Give a moment that has passed.")
        wanted = replace(wanted, newer_than=None)
    asked = wanted.asked
    newest = find_newest(keyset)
    missing = newest is None or (wanted.newer_than is not None and newest.made <= wanted.newer_than)
    if not missing and not _ends(wanted, newest, now):
        return Generated(asked)
    if missing and known is not None and not _is_asked_anew(wanted, known):
        if drift is not DriftPolicy.CORRECT:
            return Generated(known, drift=True)
        raise KeysetGone(_tell_gone(name, keyset, where))
    return Generated(asked, _change(name, wanted.request, new=keyset is None))


def _ends(wanted: Generation, newest: Newest | None, now: datetime) -> bool:
    return newest is not None and wanted.renew_before is not None and newest.ends - wanted.renew_before <= now


def _is_asked_anew(wanted: Generation, known: str) -> bool:
    return wanted.newer_than is not None and (not known or _time(known) < wanted.newer_than)


def _tell_gone(name: str, keyset: StoredKeyset | None, where: str) -> str:
    key = keyset_key(name)
    gone = f"{key} was there after an earlier push and is gone" if keyset is None else f"A key pair is gone from {key}"
    return (
        f"{gone}. Nothing was written: another key pair in its place is one that no running node trusts. Restore the "
        f"file from a backup, or set {where}.newerThan to the present time to have a new one made."
    )


def _change(name: str, request: KeyRequest, *, new: bool) -> Change:
    hours = request.validity / timedelta(hours=1)
    told = f"{request.algorithm.value} {request.size}, CN={request.common_name}, for {hours:g}h"
    fields = (FieldChange(_ADDED, Action.CREATE, new=told),)
    return Change(keyset_key(name), Action.CREATE if new else Action.UPDATE, fields, generate=request)


def renewals(keysets: Iterable[Keyset], state: State) -> Iterator[datetime]:
    """Give when time alone asks for another key pair."""
    for each in keysets:
        if each.generate is None:
            continue
        wanted, newest = _declared(each.name, each.generate), find_newest(state.keysets.get(each.name))
        if wanted.newer_than is not None:
            yield wanted.newer_than + PASSED
        if wanted.renew_before and newest is not None:
            yield newest.ends - wanted.renew_before
