"""What `clusterstate show` prints: one screen, with what needs a person in colour. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from clusterstate.cli.look.addons import ADDONS
from clusterstate.cli.look.certificates import KeyPair
from clusterstate.cli.look.documents import GROUPS, objects, part, text, texts
from clusterstate.cli.look.view import View, networking_of, zones_of
from clusterstate.cli.output import table_lines
from clusterstate.cli.sizes import age_of, count_of, days_left, size_of
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.expiry import Phase, phase_of
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import JsonObject
from clusterstate.status.texts import stamp

WARNING: Final = timedelta(days=30)
"""Before its end a certificate of a trusted key pair is told in colour; the default of spec.expiryWarning."""
RED: Final = "red"
YELLOW: Final = "yellow"
HEADING: Final = "cyan"
_WIDTH: Final = 12
"""Of the names of facts."""
_NOTHING: Final = "-"
_MEMBERS: Final = "etcdMembers"

Line = tuple[str, str | None]
"""A text and its colour."""


def lines_of(view: View) -> Iterator[Line]:
    """Give every line, with its colour."""
    yield view.name, HEADING
    yield from _facts(view)
    spec = view.cluster.spec if view.cluster else {}
    subnets = [tuple(text(each, name) or _NOTHING for name in _SUBNET) for each in objects(spec.get("subnets"))]
    yield from _table("Subnets", _SUBNETS, subnets)
    yield from _table("Instance groups", GROUPS, [each.cells for each in view.groups])
    yield from _key_pairs(view)
    yield from _list("Secrets", view.secrets)
    yield from _list("SSH public keys", view.ssh_keys)
    yield from _table("Addons", ADDONS, [each.cells for each in view.addons])
    yield from _list("Files that kops doesn't know", view.unknown, YELLOW)
    yield from _list("Broken", [view.broken[key] for key in sorted(view.broken)], RED)


_SUBNETS: Final = ("NAME", "ZONE", "TYPE", "CIDR")
_SUBNET: Final = ("name", "zone", "type", "cidr")


def _facts(view: View) -> Iterator[Line]:
    yield _fact("store", view.url)
    for url in view.elsewhere:
        yield _fact("and", url)
    if view.cluster is not None:
        yield from _cluster_facts(view, view.cluster.spec)
    elif CONFIG not in view.broken:
        yield _fact("config", "There is none: kops sees no cluster here.", YELLOW)
    listing = view.listing
    changed = f", last change {_when(listing.last_change, view.now)}" if listing.last_change else ""
    yield _fact("files", f"{count_of(listing.files, 'file')}, {size_of(listing.bytes)}{changed}")
    if view.update:
        yield _update(view, view.update)


def _cluster_facts(view: View, spec: JsonObject) -> Iterator[Line]:
    yield _fact("kubernetes", text(spec, "kubernetesVersion") or _NOTHING)
    zones = ", ".join(map(str, zones_of(view)))
    yield _fact("cloud", f"{text(spec, 'cloudProvider') or _NOTHING}{f' in {zones}' if zones else ''}")
    network = text(spec, "networkCIDR")
    yield _fact("networking", f"{networking_of(spec) or _NOTHING}{f', {network}' if network else ''}")
    yield _fact("api", _api(spec))
    yield _fact("etcd", ", ".join(map(_etcd, objects(spec.get("etcdClusters")))) or _NOTHING)


def _api(spec: JsonObject) -> str:
    balancer = part(part(spec, "api"), "loadBalancer")
    kinds = [text(balancer, "type"), text(balancer, "class")] if balancer else [*part(spec, "api")]
    what = f"{'load balancer: ' if balancer else ''}{' '.join(filter(None, kinds)) or _NOTHING}"
    access = ", ".join(texts(spec.get("kubernetesApiAccess")))
    return f"{what}, open to {access}" if access else what


def _etcd(cluster: JsonObject) -> str:
    return f"{text(cluster, 'name')} ({count_of(len([*objects(cluster.get(_MEMBERS))]), 'member')})"


def _update(view: View, update: CloudUpdate) -> Line:
    by = f" by kops {view.kops}" if view.kops else ""
    ran = f"ran {_when(view.updated_at, view.now)}{by}. " if view.updated_at else ""
    return _fact("kops update", ran + update.message, None if update.updated else YELLOW)


def _when(when: datetime, now: datetime) -> str:
    return f"{stamp(when)} ({age_of(when, now)})"


def _fact(name: str, said: str, colour: str | None = None) -> Line:
    return f"  {name:<{_WIDTH}} {said}", colour


def _key_pairs(view: View) -> Iterator[Line]:
    rows = [_key_pair(pair, view.now) for pair in view.key_pairs]
    colours = [_colour(pair, view.now) for pair in view.key_pairs]
    yield from _table("Keysets", ("NAME", "ID", "STATE", "EXPIRES", "DAYS LEFT"), rows, colours)


def _key_pair(pair: KeyPair, now: datetime) -> tuple[str, ...]:
    end = pair.certificate.not_after if pair.certificate else None
    state = pair.state if pair.item.private_key is not None else f"{pair.state}, no key"
    ends = (stamp(end)[:10], str(days_left(end, now))) if end else (_NOTHING, _NOTHING)
    return pair.keyset, pair.item.id, state, *ends


def _colour(pair: KeyPair, now: datetime) -> str | None:
    """Give a colour to a trusted certificate that is about to end; nobody uses distrusted ones."""
    if pair.certificate is None or not pair.item.trusted:
        return None
    phase = phase_of(pair.certificate.not_after, WARNING, now)
    return {Phase.VALID: None, Phase.EXPIRED: RED}.get(phase, YELLOW)


def _table(
    title: str, headers: tuple[str, ...], rows: Sequence[Sequence[str]], colours: Sequence[str | None] = ()
) -> Iterator[Line]:
    """Give a title and a table below it; nothing where there are no rows."""
    if rows:
        yield from _title(title)
        lines = table_lines(headers, rows)
        for line, colour in zip(lines, (None, *(colours or [None] * len(rows))), strict=True):
            yield f"  {line}", colour


def _list(title: str, items: Sequence[str], colour: str | None = None) -> Iterator[Line]:
    if items:
        yield from _title(title)
        for item in items:
            yield f"  {item}", colour


def _title(title: str) -> Iterator[Line]:
    yield "", None
    yield title, HEADING
