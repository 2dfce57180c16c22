"""What a declaration's secrets, SSH keys, files and keysets add to a plan: digests are compared, never contents.

A file is one value, decided like a path in the merge: a declared one wins, one that was applied and isn't declared
any more goes while it is still what was applied, and one that was never declared is never touched. To a keyset only
a key pair is added; none is ever taken away.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.desired import ConflictPolicy, Desired, Direction, DriftPolicy, Policy
from clusterstate.plan.generation import generate, is_met, moments
from clusterstate.plan.key_pairs import find_warnings, require_current_name, require_fit
from clusterstate.plan.observed import Applied, Observed
from clusterstate.plan.ssh_keys import in_order, require_one_ssh_key
from clusterstate.plan.values import join
from clusterstate.state import codec
from clusterstate.state.digests import comparable
from clusterstate.state.keypair import KeyPairFacts, choose_id, public_keys_of
from clusterstate.state.layout import FileKind, Places, keyset_key, kind_of
from clusterstate.state.objects import Keyset, State
from clusterstate.store.base import Version

ORDER: Final = (FileKind.KEYSET, FileKind.SECRET, FileKind.SSH_PUBLIC_KEY)
"""In which files are written, after all documents; other files come last."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file on all sides, each as a digest, None where there is none."""

    key: str
    applied: str | None
    declared: str | None
    observed: str | None
    version: Version | None


@dataclass(frozen=True, slots=True)
class _Part:
    """What became of one file, or of one key pair."""

    key: str
    applied: str | None = None
    change: Change | None = None
    drift: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class _Decision:
    files: tuple[_Part, ...] = ()
    key_pairs: Mapping[str, _Part] = field(default_factory=dict)
    generated: Mapping[str, _Part] = field(default_factory=dict)

    def parts(self) -> Iterator[_Part]:
        yield from self.key_pairs.values()
        yield from self.generated.values()
        yield from self.files


def observed_base(specs: Applied, desired: Desired, observed: Observed) -> Applied:
    """Give the store's side of a base with its contents, as far as somebody of ours ever spoke of them."""
    names = {*desired.key_pairs}.union(*(each.key_pairs for each in _known(observed)))
    keysets = {name: keyset for name, keyset in observed.state.keysets.items() if name in names}
    pairs = {name: public_keys_of(keyset) for name, keyset in sorted(keysets.items())}
    made = {*desired.generate}.union(*(each.generated for each in _known(observed)))
    generated = moments({name: each for name, each in observed.state.keysets.items() if name in made})
    return replace(specs, contents=observed.contents, key_pairs=pairs, generated=generated)


def _known(observed: Observed) -> tuple[Applied, ...]:
    return observed.intents if observed.applied is None else (observed.applied, *observed.intents)


def compare_contents(desired: Desired, specs: Applied) -> Iterator[Difference]:
    """Give every file and keyset that doesn't hold what is declared, whoever changed it."""
    for name, pair in sorted(desired.key_pairs.items()):
        if pair.public_key not in specs.key_pairs.get(name, ()):
            yield Difference(keyset_key(name), "")
    for name, wanted in sorted(desired.generate.items()):
        if not is_met(wanted.asked, specs.generated.get(name)):
            yield Difference(keyset_key(name), "")
    for key, digest in sorted(desired.contents.items(), key=_place):
        if specs.contents.get(key) != digest:
            yield Difference(key, "")


def add_contents(
    plan: Plan, desired: Desired, observed: Observed, sides: tuple[Applied, Applied], now: datetime
) -> Plan:
    """Give the plan with all that is no document; `sides` are the base and the store's side, see `observed_base`.

    What is new is written before what is old goes. Raises `SpecInvalid` where the declaration can't be carried out.
    """
    base, specs = sides
    if not any((*_contents(desired), *_contents(base))):
        return plan
    after = plan.state_after(observed.state)
    if _moves(desired, observed.state, after):
        held = "config places files elsewhere from now on: secrets, keysets, SSH keys and files follow in the next run"
        contents = replace(plan.applied, contents=base.contents)
        applied = replace(contents, key_pairs=base.key_pairs, generated=base.generated)
        return replace(plan, held=True, warnings=(*plan.warnings, held), applied=applied)
    decision = _decide(desired, observed, sides, now)
    changes = [part.change for part in decision.parts() if part.change is not None]
    require_one_ssh_key(desired, after.cluster, specs.contents, changes)
    plan = replace(plan, warnings=(*plan.warnings, *find_warnings(desired, observed.state.keysets)))
    return _join(plan, decision, desired, in_order([*plan.changes, *changes], one_ssh_key=desired.one_ssh_key))


def _contents(side: Desired | Applied) -> tuple[Mapping[str, object], ...]:
    return side.contents, side.key_pairs, side.generate if isinstance(side, Desired) else side.generated


def _join(plan: Plan, decision: _Decision, desired: Desired, changes: Iterable[Change]) -> Plan:
    left_to_people = desired.policy.conflict is ConflictPolicy.FAIL
    conflicts = [Difference(part.key, "") for part in decision.parts() if part.conflict]
    drift = [Difference(part.key, "") for part in decision.parts() if part.drift]
    pairs = {name: part.applied for name, part in decision.key_pairs.items()}
    return replace(
        plan,
        changes=tuple(changes),
        drift=(*plan.drift, *drift) if left_to_people else (*plan.drift, *drift, *conflicts),
        conflicts=(*plan.conflicts, *conflicts) if left_to_people else plan.conflicts,
        applied=replace(
            plan.applied,
            contents={part.key: part.applied for part in decision.files if part.applied is not None},
            key_pairs={name: frozenset({key}) for name, key in pairs.items() if key is not None},
            generated={name: part.applied for name, part in decision.generated.items() if part.applied is not None},
        ),
    )


def _moves(desired: Desired, before: State, after: State) -> bool:
    """Whether the plan's own `config` places files elsewhere than the one that the store was read by."""
    if not desired.names_place:
        return False
    places = (Places.of(state.cluster.spec if state.cluster else {}, desired.state_url) for state in (before, after))
    return len(set(places)) > 1


def _decide(desired: Desired, observed: Observed, sides: tuple[Applied, Applied], now: datetime) -> _Decision:
    base, specs = sides
    adopting = desired.policy.direction is Direction.BOTH and observed.applied is None
    keys = sorted({*desired.contents, *base.contents}, key=_place)
    files = (
        _File(
            key, base.contents.get(key), desired.contents.get(key), specs.contents.get(key), observed.versions.get(key)
        )
        for key in keys
    )
    pairs = {
        name: _add_key_pair(name, pair, (observed, sides), desired.policy, now)
        for name, pair in sorted(desired.key_pairs.items())
    }
    made = {name: _generate(name, desired, observed, base, now) for name in sorted(desired.generate)}
    return _Decision(tuple(_decide_file(each, desired.policy, adopting=adopting) for each in files), pairs, made)


def _place(item: str | tuple[str, str]) -> tuple[int, str]:
    key = item if isinstance(item, str) else item[0]
    kind = kind_of(key).kind
    return ORDER.index(kind) if kind in ORDER else len(ORDER), key


def _decide_file(file: _File, policy: Policy, *, adopting: bool) -> _Part:
    applied, declared, observed = _base_of(file), file.declared, file.observed
    if declared is None:
        if applied is None or observed is None:
            return _Part(file.key)
        return _write(file) if applied == observed else _settle_conflict(file, policy)
    if declared == observed:
        return _Part(file.key, declared)
    if applied == declared:
        return _settle_drift(file, policy)
    moved = applied == observed or (applied is None and not (adopting and observed is not None))
    return _write(file) if moved else _settle_conflict(file, policy)


def _base_of(file: _File) -> str | None:
    """Give what was applied; a digest under a lost key tells nothing, and counts for none."""
    others = [each for each in (file.declared, file.observed) if each is not None]
    known = file.applied is not None and all(comparable(file.applied, each) for each in others)
    return file.applied if known else None


def _settle_drift(file: _File, policy: Policy) -> _Part:
    wanted = policy.drift is DriftPolicy.CORRECT
    return replace(_write(file) if wanted else _Part(file.key, file.declared), drift=True)


def _settle_conflict(file: _File, policy: Policy) -> _Part:
    if policy.conflict is ConflictPolicy.PREFER_SPEC:
        return replace(_write(file), conflict=True)
    return _Part(file.key, None if file.declared is None else _base_of(file), conflict=True)


def _write(file: _File) -> _Part:
    action = Action.DELETE if file.declared is None else Action.UPDATE if file.observed else Action.CREATE
    fields = (FieldChange("", action),)
    expect = None if action is Action.CREATE else file.version
    return _Part(file.key, file.declared, Change(file.key, action, fields, expect=expect, content=file.declared or ""))


def _add_key_pair(
    name: str, pair: KeyPairFacts, sides: tuple[Observed, tuple[Applied, Applied]], policy: Policy, now: datetime
) -> _Part:
    observed, (base, specs) = sides
    key, ours = keyset_key(name), pair.public_key
    if ours in specs.key_pairs.get(name, ()):
        return _Part(key, ours)
    drift = ours in base.key_pairs.get(name, ())
    if drift and policy.drift is not DriftPolicy.CORRECT:
        return _Part(key, ours, drift=True)
    require_fit(name, pair, observed.state.keysets, now)
    change = _addition(name, pair, observed.state.keysets.get(name), now)
    return _Part(key, ours, replace(change, expect=observed.versions.get(key)), drift=drift)


def _addition(name: str, pair: KeyPairFacts, keyset: Keyset | None, now: datetime) -> Change:
    key_id = choose_id(pair, keyset, now)
    fields = (FieldChange(join("/spec/keys", key_id), Action.CREATE),)
    action = Action.CREATE if keyset is None else Action.UPDATE
    return Change(keyset_key(name), action, fields, content=pair.public_key, key_id=key_id)


def _generate(name: str, desired: Desired, observed: Observed, base: Applied, now: datetime) -> _Part:
    key, keysets = keyset_key(name), observed.state.keysets
    keyset, known = keysets.get(name), base.generated.get(name)
    done = generate(name, desired.generate[name], keyset, known, desired.policy.drift, now)
    if done.change is None:
        return _Part(key, done.applied, drift=done.drift)
    require_current_name(name, keysets)
    return _Part(key, done.applied, replace(done.change, expect=observed.versions.get(key)))


def carried_out(plan: Plan, state: State, bodies: Mapping[str, bytes]) -> State:
    """Give a state as it is once the whole plan is written, as far as it was read or is written.

    `bodies` has the bytes of what is no document, by its key; a keyset without is as it was, until its key is made.
    """
    state = plan.state_after(state)
    keysets, secrets, ssh_keys = dict(state.keysets), dict(state.secrets), dict(state.ssh_public_keys)
    for change in plan.changes:
        kind, name = kind_of(change.key)
        body = bodies.get(change.key, b"")
        match kind, change.action:
            case FileKind.SECRET, Action.DELETE:
                secrets.pop(name, None)
            case FileKind.SECRET, _:
                secrets[name] = codec.decode_secret(body, change.key)
            case FileKind.SSH_PUBLIC_KEY, Action.DELETE:
                ssh_keys.pop(name, None)
            case FileKind.SSH_PUBLIC_KEY, _:
                ssh_keys[name] = codec.decode_ssh_public_key(body, change.key)
            case FileKind.KEYSET, _ if body:
                keysets[name] = codec.decode_keyset(body, change.key)
            case _:
                pass
    return replace(
        state,
        keysets=dict(sorted(keysets.items())),
        secrets=dict(sorted(secrets.items())),
        ssh_public_keys=dict(sorted(ssh_keys.items())),
    )
