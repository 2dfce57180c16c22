"""What must hold between the sides of a merge, said a second time and as simply as possible."""

from typing import Any

from clusterstate.plan.merge_table import Keyed, MergeSet, Rules

ABSENT: Any = object()


def covers(rules: Rules, whole: Any, part: Any) -> bool:
    """Everything in `part` is in `whole`; what is None there is not in `whole`, except for what others keep in it."""
    if part is None:
        return whole is ABSENT or isinstance(whole, dict | list)
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(covers(rules.below(key), whole.get(key, ABSENT), part[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        if isinstance(rules.items, MergeSet):
            return set(part) <= set(whole)
        if isinstance(rules.items, Keyed):
            if not is_clear(rules.items, whole, part):
                return len(whole) == len(part) and all(map(covers, [rules.each] * len(part), whole, part))
            items = by_key(rules.items, whole)
            return all(
                key in items and covers(rules.each, items[key], item) for key, item in by_key(rules.items, part).items()
            )
    return bool(part == whole)


def untouched(rules: Rules, applied: Any, declared: Any, before: Any, after: Any, *, decided: bool) -> bool:
    """Whatever was neither applied nor declared is after as it was before, in the same order.

    If it is `decided` for the declaration, that replaces a list in conflict, one that has no clear keys.
    """
    if isinstance(before, dict) or rules.items is not None:
        applied, declared = (ABSENT if side is None else side for side in (applied, declared))
    if applied is ABSENT and declared is ABSENT:
        return bool(before == after)
    if before is ABSENT:
        return True
    if isinstance(before, dict) and (rules.items is None):
        applied, declared = _or(applied, {}), _or(declared, {})
        if not isinstance(applied, dict) or not isinstance(declared, dict):
            return True
        kept = after if isinstance(after, dict) else {}
        return all(
            untouched(
                rules.below(key),
                applied.get(key, ABSENT),
                declared.get(key, ABSENT),
                before[key],
                kept.get(key, ABSENT),
                decided=decided,
            )
            for key in before
        )
    if isinstance(before, list) and rules.items is not None:
        sides = [_or(side, []) for side in (applied, declared, before, after)]
        return _untouched_list(rules, *sides, decided=decided)
    return True


def _untouched_whole(applied: Any, declared: Any, before: Any, after: Any, *, decided: bool) -> bool:
    ours = [_held(each) for each in (*applied, *declared)]
    foreign = [each for each in before if _held(each) not in ours]
    if decided:
        return bool(declared) or foreign == [each for each in after if each in foreign]
    return not foreign or bool(before == after)


def _held(value: Any) -> Any:
    """As the store holds it: what is declared as None isn't there."""
    if isinstance(value, dict):
        return {key: _held(each) for key, each in value.items() if each is not None}
    return [_held(each) for each in value] if isinstance(value, list) else value


def is_clear(how: Keyed, *sides: list[Any]) -> bool:
    """Whether each item of each list has a key of its own."""
    keys = [[how.key_of(item) for item in side] for side in sides]
    return all(None not in each and len(set(each)) == len(each) for each in keys)


def _untouched_list(rules: Rules, applied: Any, declared: Any, before: Any, after: Any, *, decided: bool) -> bool:
    if isinstance(rules.items, MergeSet):
        ours = {*applied, *declared}
        return [each for each in before if each not in ours] == [
            each for each in after if each not in ours
        ] and _in_order(before, after)
    assert isinstance(rules.items, Keyed)
    if not is_clear(rules.items, applied, declared, before):
        return _untouched_whole(applied, declared, before, after, decided=decided)
    sides = [by_key(rules.items, side) for side in (applied, declared, before, after)]
    one, two, three, four = sides
    return _in_order(list(three), list(four)) and all(
        untouched(rules.each, one.get(key, ABSENT), two.get(key, ABSENT), item, four.get(key, ABSENT), decided=decided)
        or (key in one and key not in two and key not in four)
        for key, item in three.items()
    )


def _in_order(before: list[Any], after: list[Any]) -> bool:
    both = [each for each in before if each in after]
    return [each for each in after if each in before] == both and after[: len(both)] == both


def fresh(rules: Rules, declared: Any, store: Any) -> Any:
    """The part of a declaration that the store has no path of yet; ABSENT where nothing is left."""
    if store is ABSENT:
        return declared
    if isinstance(declared, dict) and isinstance(store, dict):
        parts = {key: fresh(rules.below(key), value, store.get(key, ABSENT)) for key, value in declared.items()}
        left = {key: value for key, value in parts.items() if value is not ABSENT}
        return left or ABSENT
    if isinstance(declared, list) and isinstance(store, list):
        if isinstance(rules.items, MergeSet):
            return [each for each in declared if each not in store] or ABSENT
        if isinstance(rules.items, Keyed) and is_clear(rules.items, declared, store):
            return _fresh_items(rules, rules.items, declared, store)
    return ABSENT


def _fresh_items(rules: Rules, how: Keyed, declared: Any, store: Any) -> Any:
    known, left = by_key(how, store), []
    for key, item in by_key(how, declared).items():
        part = fresh(rules.each, item, known.get(key, ABSENT))
        # What is declared in an item that held nothing is the whole item then, and goes with it.
        if part is not ABSENT and not (key in known and _holds_nothing(how, known[key])):
            left.append({name: item[name] for name in how.fields_of(item)} | part)
    return left or ABSENT


def _holds_nothing(how: Keyed, item: Any) -> bool:
    return all(name in how.fields_of(item) or value == {} for name, value in item.items())


def by_key(how: Keyed, items: list[Any]) -> dict[Any, Any]:
    return {how.key_of(item): item for item in items}


def _or(value: Any, default: Any) -> Any:
    return default if value is ABSENT else value


def keeps_more(after: Any, other: Any, observed: Any) -> bool:
    """Whether a spec is another one, but for what it leaves as it was observed.

    After a push that was cut off nobody knows whose an item is of which nothing is as it was applied: it stays.
    """
    if after in (other, observed):
        return True
    if isinstance(after, dict) and isinstance(other, dict) and isinstance(observed, dict):
        return other.keys() <= after.keys() and all(
            keeps_more(each, other.get(name), observed.get(name)) for name, each in after.items()
        )
    if isinstance(after, list) and isinstance(other, list) and isinstance(observed, list):
        left = [each for each in other if each not in after]
        more = [each for each in after if each not in other]
        return all(each in observed for each in more) and len(left) <= len(more)
    return False
