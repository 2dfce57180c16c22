"""Outcomes of runs, plain ones and every one that types allow."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from clusterstate import errors
from clusterstate.errors import ClusterStateError
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.migration import Migration
from clusterstate.plan.outcome import (
    AppliedRevision,
    Certificate,
    Failure,
    Mirrored,
    MirrorReport,
    Outcome,
    Request,
    StoreFacts,
)
from clusterstate.plan.rotation import Phase
from clusterstate.plan.rotation_report import RotationReport
from clusterstate.reasons import Nature, Reason

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
URL: Final = "s3://state/prod"
STORE: Final = StoreFacts(URL, files=3, bytes=99, digest="d", last_change=NOW, unproven=("update",))
SEEN: Final = CloudUpdate(updated=True, reason=Reason.CLOUD_UPDATED, message="Seen.")
FIELD: Final = FieldChange("/spec/channel", Action.UPDATE, "alpha", "stable")
CHANGE: Final = Change("config", Action.UPDATE, (FIELD,))
DRIFT: Final = Difference("config", "/spec/channel", "stable", "alpha")
OTHER_DRIFT: Final = Difference("config", "/spec/project", "a", "b")

ERRORS: Final = sorted(
    (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ClusterStateError)),
    key=lambda each: each.__name__,
)


def good(**parts: Any) -> Outcome:
    """Give a run that reached everything and found everything in order, but for what is given."""
    request = Request(2, "prod", "token", mirroring=True)
    done: dict[str, Any] = {
        "request": request,
        "store": STORE,
        "plan": Plan(),
        "pushed": True,
        "history": (),
        "certificates": (),
        "mirrors": MirrorReport(),
        "cloud": SEEN,
    }
    return Outcome(**{**done, **parts})


def failed(error: ClusterStateError) -> Outcome:
    """Give a run that ended before it reached anything."""
    return Outcome(Request(2, "prod"), error)


texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.integers(1, 9000).map(lambda size: "x€" * size)
names = st.from_regex(r"[a-z]{1,12}", fullmatch=True)
counts = st.integers(0, 2**53)
times = st.datetimes(datetime(1, 2, 1), datetime(9999, 11, 30), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from([UTC, datetime.strptime("+0530", "%z").tzinfo])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


def many(values: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """Give a few of them, or one of them very often."""
    few = st.lists(values, max_size=3).map(tuple)
    return few | st.tuples(values, st.integers(1, most)).map(lambda pair: (pair[0],) * pair[1])


revisions = st.builds(AppliedRevision, counts, st.just("2026-01-01T00:00:00Z"), counts, texts, texts)
fields = st.builds(FieldChange, texts, st.sampled_from(Action), json_values, json_values)
changes = many(st.builds(Change, texts, st.sampled_from(Action), many(fields, 60)), 60)
differences = many(st.builds(Difference, texts, texts, json_values, json_values), 60)
plans = st.builds(Plan, changes, differences, differences)
failures = st.builds(Failure, st.sampled_from(Reason), st.sampled_from(Nature), texts, about=texts)
mirrored = st.lists(
    st.builds(Mirrored, names, texts, st.none() | texts, st.none() | times), max_size=3, unique_by=lambda m: m.secret
).map(tuple)
migrations = st.builds(
    Migration, texts, texts, st.sampled_from(["Planned", "Copying", "Switched", "CleanedUp"]), *[counts] * 3, texts
)
outcomes = st.builds(
    Outcome,
    request=st.builds(
        Request,
        counts,
        st.sampled_from(["", "prod"]),
        st.none() | texts,
        *[st.booleans()] * 4,
        st.timedeltas(timedelta(0), timedelta(hours=999_999)),
    ),
    error=st.none() | st.builds(lambda kind, text: kind(text), st.sampled_from(ERRORS), texts),
    store=st.none()
    | st.builds(
        StoreFacts,
        st.sampled_from([URL, "s3://b/" + "%20" * 1024]),
        counts,
        counts,
        st.just("d" * 64),
        st.none() | st.builds(lambda when, zone: when.astimezone(zone), times, zones),
        st.sampled_from([(), ("create",), ("create", "update", "delete")]),
    ),
    plan=st.none() | plans,
    pushed=st.booleans(),
    history=st.none()
    | many(st.builds(AppliedRevision, counts, st.just("2026-01-01T00:00:00Z"), counts, texts, texts), 150),
    certificates=st.none() | many(st.builds(Certificate, texts, texts, times), 10),
    mirrors=st.none()
    | st.builds(
        MirrorReport, mirrored, many(texts, 10), many(failures, 10), missing=texts, remarks=st.lists(texts).map(tuple)
    ),
    cloud=st.none() | st.builds(CloudUpdate, st.none() | st.booleans(), st.sampled_from(Reason), texts),
    migration=st.none() | migrations,
    rotations=st.none() | many(st.builds(RotationReport, names, st.sampled_from(Phase), texts, texts, texts), 200),
)
"""Every outcome that types allow, likely or not; expiry_warning is what a duration of the API may be."""
