"""The screen of one ClusterState tells all that its status holds, whatever that is."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.status import Status
from clusterstate.cli.objects.screen import make_screen
from clusterstate.cli.objects.view import View, span

NOW = datetime(2026, 1, 10, tzinfo=UTC)
PLACE = "s3://acme/prod.example.com"
FULL: dict[str, Any] = {
    "observedGeneration": 1,
    "summary": "1 to change in the store",
    "conditions": [
        {
            "type": kind,
            "status": status,
            "reason": "Because",
            "message": f"{kind} it is.",
            "lastTransitionTime": "2026-01-09T00:00:00Z",
        }
        for kind, status in (("Ready", "False"), ("Stalled", "True"), ("InSync", "Unknown"))
    ],
    "store": {
        "url": PLACE,
        "files": 3,
        "bytes": 2048,
        "lastChangeTime": "2026-01-09T23:50:00Z",
        "unproven": ["a"],
    },
    "plan": {
        "update": 1,
        "changes": [
            {"path": "config", "field": f"/spec/f{n}", "action": "update", "old": "a", "new": "b"} for n in range(7)
        ],
    },
    "drift": [{"path": "config", "field": "/spec/channel", "declared": "a"}],
    "conflicts": [{"path": "config", "field": "/spec/x", "declared": "a", "observed": "b"}],
    "pullBlocked": [{"path": "config", "field": "/spec/y", "manager": "argocd"}],
    "dropped": [{"path": "config", "field": "/spec/z"}],
    "migration": {
        "from": PLACE,
        "to": "gs://b/prod",
        "phase": "Copying",
        "files": 9,
        "copied": 4,
        "message": "It goes on.",
    },
    "afterPush": {"revision": 2, "job": "update-2", "state": "Failed", "message": "no rights"},
    "mirrors": [{"secret": "ca", "from": "keyset/kubernetes-ca", "notAfter": "2026-01-20T00:00:00Z"}],
    "certificates": [
        {"keyset": "old", "notAfter": "2026-01-09T20:00:00Z", "phase": "Expired"},
        {"keyset": "near", "notAfter": "2026-01-13T00:00:00Z", "phase": "LastWeek"},
        {"keyset": "far", "notAfter": "2036-01-13T00:00:00Z", "phase": "Valid"},
    ],
    "keysets": [{"name": "kubernetes-ca", "phase": "Created", "message": "Run kops update cluster."}],
    "history": [{"revision": 1, "time": "2026-01-01T00:00:00Z", "by": "ann", "what": "config (/spec/channel)"}],
}


def body(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "prod", "namespace": "clusters", "uid": "u", "generation": 2}
    return {
        "metadata": {**metadata, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"store": {"url": "s3://acme"}, **spec},
        "status": status,
    }


def shown(status: dict[str, Any], *, wide: bool = False, **spec: Any) -> list[str]:
    return [text for text, _ in make_screen(View.of(body(status, **spec)), NOW, wide=wide)]


def test_everything_is_told() -> None:
    lines = shown(FULL, sync={"direction": "Both", "dryRun": True})
    assert lines[:3] == [
        "clusters/prod: not ready",
        "1 to change in the store",
        "The spec was changed since: the operator hasn't taken that in yet.",
    ]
    assert {
        f"Store     {PLACE}",
        "Sync      Both, dry run",
        "Files     3, 2.0 KiB in all, changed 10m ago; conditional writes not proven: a",
        "Age       9d",
        "      Ready it is.",
        "  ~ config/spec/f0: a -> b",
        "  and 2 more (-o wide)",
        "  config/spec/channel: declared a, in the store nothing",
        "  config/spec/x: declared a, in the store b",
        "  config/spec/y (declared by argocd)",
        "  config/spec/z",
        f"  {PLACE} -> gs://b/prod: Copying, 4 of 9 files",
        "  It goes on.",
        "  Job update-2 of revision 2: Failed: no rights",
        "  kubernetes-ca: Created: Run kops update cluster.",
        "  old    2026-01-09T20:00:00Z   4h ago",
        "  near   2026-01-13T00:00:00Z   in 3d",
        "  Secret ca   keyset/kubernetes-ca   ends in 10d",
        "  1   9d ago   by ann   config (/spec/channel)",
    } <= {*lines}
    assert not any("far" in line for line in lines)
    assert "  ~ config/spec/f6: a -> b" in shown(FULL, wide=True)


def test_the_shard_is_told_where_there_is_one() -> None:
    rows = [line.split() for line in shown({"shard": "operator-1-of-3"})]
    assert ["Shard", "operator-1-of-3"] in rows


def test_trouble_is_red_and_what_is_good_green() -> None:
    colours = dict(make_screen(View.of(body(FULL)), NOW))
    by_type = {text.split()[0]: colour for text, colour in colours.items() if "Because" in text}
    assert by_type == {"Ready": "red", "Stalled": "red", "InSync": "yellow"}


def test_little_is_told_where_there_is_little() -> None:
    lines = shown({})
    assert lines[0] == "clusters/prod: not seen yet"
    assert lines[-1] == "      No operator has looked at it yet."
    assert shown({}, suspend=True)[0] == "clusters/prod: suspended"
    assert any("can't be read by this version" in line for line in shown({"migration": {"phase": "Flying"}}))


@given(st.from_type(Status))
def test_no_status_is_too_much(status: Status) -> None:
    """Times are the API server's own to check."""
    timeless = msgspec.structs.replace(status, conditions=(), store=None, mirrors=(), certificates=(), history=())
    assert shown(msgspec.to_builtins(timeless))


def test_lengths_of_time_are_short() -> None:
    told = [(NOW - datetime(2026, 1, day, hour, tzinfo=UTC)) for day, hour in ((1, 0), (8, 1), (9, 21))]
    assert list(map(span, told)) == ["9d", "47h", "3h"]
