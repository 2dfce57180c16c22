"""Each certificate that nears its end is told once for each threshold, whoever looks and whatever else ends."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from clusterstate.errors import StoreUnavailable
from clusterstate.kube.owner import Owner
from clusterstate.plan.expiry import DAY, WEEK
from clusterstate.plan.outcome import Certificate, Outcome, Request
from clusterstate.status.build import build_status
from clusterstate.status.certificates import MOST, make_expiries
from clusterstate.status.events import Notice, event_manifest, make_turns
from tests.status.outcomes import NOW, failed, good

MONTH = timedelta(days=30)
CA = Certificate("kubernetes-ca", "71", NOW + 60 * DAY)
PEERS = Certificate("etcd-peers-ca-main", "72", NOW + 60 * DAY)
FINE = Certificate("fine", "73", NOW + 900 * DAY)
BUSY = failed(StoreUnavailable("Busy."))


def seen(*certificates: Certificate, warning: timedelta = MONTH) -> Outcome:
    return good(certificates=certificates, request=Request(2, "prod", mirroring=True, expiry_warning=warning))


def told(runs: Iterable[tuple[datetime, Outcome]], status: dict[str, Any] | None = None) -> list[list[Notice]]:
    """Give what each run tells, each as if by a new process."""
    status, found = status or {}, []
    for now, outcome in runs:
        after = build_status(status, outcome, now)
        found.append(make_expiries(status, after))
        status = after
    return found


def phases(notices: Iterable[Notice]) -> list[tuple[str, str]]:
    return [(each.once.split("/")[0], each.once.rpartition("/")[2]) for each in notices]


def test_each_threshold_is_told_once() -> None:
    left = (61, 31, 30, 29, 8, 7, 7, 6, 1, 0.9, 0, -1, -400)
    runs = [(CA.not_after - each * DAY, seen(FINE, CA)) for each in left]
    found = [phases(each) for each in told(runs)]
    steps = {2: "Expires", 5: "LastWeek", 8: "LastDay", 10: "Expired"}
    assert found == [[(CA.keyset, steps[number])] if number in steps else [] for number in range(len(left))]


def test_what_is_told_names_the_keyset_the_moment_and_what_to_do() -> None:
    ((expires,), (expired,)) = told([(CA.not_after - WEEK, seen(CA)), (CA.not_after, seen(CA))])
    assert (expires.type.value, expires.reason.value) == ("Warning", "CertificateExpires")
    assert expires.message.startswith(
        "Keyset kubernetes-ca: the certificate of its primary 71 ends at 2026-03-03T03:04:05Z, within a week. Rotate"
    )
    assert (expired.type.value, expired.reason.value) == ("Warning", "CertificateExpired")
    assert "has ended at 2026-03-03T03:04:05Z" in expired.message


def test_several_at_once_are_told_each_and_their_order_tells_nothing_again() -> None:
    several = [Certificate(f"ca{number}", "1", CA.not_after + number * DAY) for number in range(9)]
    chance, runs = random.Random(7), []
    for day in range(100):
        chance.shuffle(several)
        runs.append((CA.not_after + (day - 50) * DAY, seen(*several)))
    found = [each for notices in told(runs) for each in phases(notices)]
    names = [(each.keyset, phase) for each in several for phase in ("Expires", "LastWeek", "LastDay", "Expired")]
    assert sorted(found) == sorted(names)


def test_a_run_that_read_no_keysets_forgets_nothing() -> None:
    now = CA.not_after - WEEK
    suspended = Outcome(Request(2, "prod", suspended=True))
    runs = [seen(CA), BUSY, seen(CA), suspended, seen(CA)]
    assert [len(each) for each in told((now, run) for run in runs)] == [1, 0, 0, 0, 0]


def test_a_new_certificate_is_news_and_an_old_one_that_comes_back_too() -> None:
    now = CA.not_after - DAY
    rotated, back = Certificate(CA.keyset, "99", CA.not_after + 5 * DAY), CA
    found = told((now, seen(each)) for each in (CA, rotated, back))
    assert [phases(each) for each in found] == [[(CA.keyset, each)] for each in ("LastDay", "LastWeek", "LastDay")]
    assert len({each.once for notices in found for each in notices}) == 2, "its Event is there already"


def test_a_warning_that_is_moved_tells_nothing_twice() -> None:
    now = CA.not_after - 20 * DAY
    warnings = (MONTH, 2 * MONTH, MONTH)
    assert [len(each) for each in told((now, seen(CA, warning=warning)) for warning in warnings)] == [1, 0, 0]


def test_the_event_of_a_certificate_has_one_name_whoever_writes_it_and_others_have_others() -> None:
    ((one, two),) = told([(CA.not_after - WEEK, seen(CA, PEERS))])
    owner, namesake = Owner("clusters", "prod", "u"), Owner("clusters", "prod", "v")
    name = event_manifest(owner, "7", one, NOW)["metadata"]["name"]
    assert event_manifest(owner, "8", one, NOW + DAY)["metadata"]["name"] == name
    assert event_manifest(owner, "7", two, NOW)["metadata"]["name"] != name
    assert event_manifest(namesake, "7", one, NOW)["metadata"]["name"] != name


def test_the_condition_tells_only_that_all_are_valid_again() -> None:
    now = CA.not_after - WEEK
    good_, bad = build_status({}, seen(FINE), now), build_status({}, seen(FINE, CA), now)
    assert make_turns(good_, bad) == []
    (notice,) = make_turns(bad, good_)
    assert (notice.type.value, notice.reason.value) == ("Normal", "CertificatesValid")


def test_rows_are_those_that_end_first() -> None:
    many = [Certificate(f"ca{number}", "1", NOW + number * DAY) for number in reversed(range(MOST + 9))]
    status = build_status({}, seen(*many), NOW)
    assert [row["keyset"] for row in status["certificates"]] == [f"ca{number}" for number in range(MOST)]
    assert status["certificates"][1] == {
        "keyset": "ca1",
        "primaryId": "1",
        "notAfter": "2026-01-03T03:04:05Z",
        "phase": "LastDay",
    }
    assert "certificates" not in build_status(status, seen(), NOW)


@pytest.mark.parametrize(
    ("certificates", "text"),
    [
        ((FINE,), ""),
        ((FINE, CA), "; the certificate of kubernetes-ca expires 2026-03-03"),
        ((CA, PEERS, FINE), "; the certificate of etcd-peers-ca-main expires 2026-03-03 and 1 more"),
    ],
)
def test_the_summary_names_the_first(certificates: tuple[Certificate, ...], text: str) -> None:
    plain = build_status({}, seen(), NOW)["summary"]
    assert build_status({}, seen(*certificates), CA.not_after - WEEK)["summary"] == plain + text
