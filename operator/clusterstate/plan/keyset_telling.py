"""What people are told of a keyset that a command changes: ids, what certificates tell, and no byte of a key. Pure."""

from clusterstate.plan.keyset_commands import Wish
from clusterstate.state.keypair import facts_of
from clusterstate.state.keyset import primary
from clusterstate.state.objects import Keyset, KeysetItem
from clusterstate.state.rotation import StepKind


def tell_changes(before: Keyset | None, after: Keyset) -> list[str]:
    """Give a line for each change, `+`, `-` or `~` in front: ids and what a certificate tells, and no key."""
    there = {item.id: item for item in before.items} if before else {}
    lines = [line for item in after.items if (line := _tell_item(after.name, there.get(item.id), item))]
    old = primary(before) if before else None
    if old is None:
        return [*lines, f"+ {after.name}: {after.primary_id} is the primary"]
    moved = [] if old.id == after.primary_id else [f"~ {after.name}: the primary, {old.id}, becomes {after.primary_id}"]
    return [*lines, *moved]


def _tell_item(name: str, before: KeysetItem | None, after: KeysetItem) -> str:
    if before == after:
        return ""
    if before is not None and before.trusted != after.trusted:
        sign, what = ("+", "trusted again") if after.trusted else ("-", "distrusted")
        return f"{sign} {name}: {after.id} is {what} ({_tell_certificate(after)})"
    what = "gets its private key" if before else "is added"
    return f"+ {name}: {after.id} {what} ({_tell_certificate(after)})"


def _tell_certificate(item: KeysetItem) -> str:
    facts = facts_of(item)
    if facts is None:
        return "no certificate"
    parts = [f"CN={facts.common_name}", facts.algorithm.value, f"until {facts.not_after:%Y-%m-%d}"]
    return ", ".join(parts if item.private_key else [*parts, "certificate alone"])


def find_added(before: Keyset | None, after: Keyset) -> str:
    """Give the id of the key pair that was added, or completed."""
    there = before.items if before else ()
    return next(item.id for item in after.items if item not in there)


def tell_nothing(keyset: Keyset, wish: Wish) -> str:
    """Give why a step has nothing to do."""
    before = primary(keyset)
    which = ", ".join(wish.ids)
    match wish.kind:
        case StepKind.PROMOTE if before is not None:
            why = f"{which} is the primary already" if which else f"no key pair is newer than the primary, {before.id}"
        case StepKind.DISTRUST if not which:
            why = "no trusted key pair is older than the primary"
        case _:
            why = f"{which} is {'trusted' if wish.kind is StepKind.TRUST else 'distrusted'} already"
    return f"Keyset {keyset.name}: {why}."


def ask_step(kind: StepKind, cluster: str) -> str:
    """Give the question before a step: what has to be so by then, which nobody can see from here."""
    before = {
        StepKind.PROMOTE: "Every node has to trust it by now. ",
        StepKind.DISTRUST: "Every node has to use the primary by now. ",
    }
    return f"{before.get(kind, '')}Write this into {cluster}?"


def tell_next(kind: StepKind | None, cluster: str, name: str, *, primary: bool = False) -> str:
    """Give the sentence that says how the rotation goes on; a `kind` of None is a create."""
    force = " --force" if kind is StepKind.TRUST else ""
    roll = f"Next: kops update cluster {cluster} --yes and kops rolling-update cluster {cluster}{force} --yes"
    match kind:
        case None if not primary:
            return f"{roll}, so that all nodes trust it, then clusterstate keyset promote {name}."
        case StepKind.PROMOTE:
            return f"{roll}, so that all nodes use it, then clusterstate keyset distrust {name}."
        case StepKind.DISTRUST:
            return f"{roll}, so that all nodes forget it."
        case _:
            return f"{roll}, so that all nodes follow."
