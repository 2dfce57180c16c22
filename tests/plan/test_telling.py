"""Who declared it and what it changed, in words that hold no value."""

from typing import Any

import pytest

from clusterstate.plan.changes import Action, Change, FieldChange, Plan
from clusterstate.plan.telling import LONGEST, tell_changes, tell_declarer


def test_files_and_fields_are_named_and_no_value_is() -> None:
    fields = (
        FieldChange("/spec/channel", Action.UPDATE, "old-value", "new-value"),
        FieldChange("/metadata/labels/a~1b", Action.CREATE, None, "new-value"),
    )
    changes = (
        Change("config", Action.UPDATE, fields),
        Change("instancegroup/nodes", Action.CREATE, fields),
        Change("instancegroup/old", Action.DELETE),
        Change("secrets/dockerconfig", Action.UPDATE),
    )
    assert tell_changes(Plan(changes)) == (
        "config (/spec/channel, /metadata/labels/a~1b), instancegroup/nodes (created), instancegroup/old (deleted), "
        "secrets/dockerconfig (changed)"
    )
    assert tell_changes(Plan()) == ""


def test_many_are_cut() -> None:
    told = tell_changes(Plan(tuple(Change(f"instancegroup/nodes-{each}", Action.CREATE) for each in range(100))))
    assert (len(told), told[-1]) == (LONGEST, "…")


def entry(manager: str, time: str, fields: Any = None, **more: str) -> dict[str, Any]:
    fields = {"f:spec": {"f:cluster": {}}} if fields is None else fields
    return {"manager": manager, "operation": "Apply", "time": time, "fieldsV1": fields, **more}


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], ""),
        ([entry("ann", "2026-01-02T00:00:00Z"), entry("bob", "2026-01-01T00:00:00Z")], "ann"),
        ([entry("bob", "2026-01-01T00:00:00Z"), entry("ann", "2026-01-01T00:00:00Z")], "ann, bob"),
        ([entry("bob", "2026-01-01T00:00:00Z"), entry("clusterstate-pull", "2026-01-02T00:00:00Z")], "bob"),
        ([entry("bob", "2026-01-01T00:00:00Z"), entry("clusterstate", "2026-01-02T00:00:00Z")], "bob"),
        ([entry("bob", "2026-01-01T00:00:00Z"), entry("x", "2026-01-02T00:00:00Z", subresource="status")], "bob"),
        ([entry("bob", "2026-01-01T00:00:00Z"), entry("x", "2026-01-02T00:00:00Z", {"f:metadata": {}})], "bob"),
        ([{"manager": "ann", "fieldsV1": {"f:spec": {}}}, {"fieldsV1": []}, {}], "ann"),
    ],
)
def test_whoever_wrote_the_spec_last_is_named(entries: list[dict[str, Any]], told: str) -> None:
    assert tell_declarer(entries) == told


def test_a_name_can_be_cut() -> None:
    assert len(tell_declarer([entry("m" * 1000, "")])) == LONGEST
