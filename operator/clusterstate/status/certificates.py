"""What is told of certificates that end: rows of the status, their words, and one Notice for each phase. Pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from clusterstate.plan.expiry import ORDER, Phase, phase_of
from clusterstate.plan.naming import cut
from clusterstate.plan.outcome import Certificate
from clusterstate.reasons import Reason
from clusterstate.status.events import EventType, Notice
from clusterstate.status.texts import stamp

MOST: Final = 100
"""Certificates that are told of one by one; a cluster of kops has about ten."""
MAX_NAME: Final = 253
MAX_ID: Final = 128
"""Characters of a key's id; kops makes them of 28 digits."""
ROTATE: Final = (
    "Rotate the keyset by spec.keysets[].rotation, or with kops: create, promote and distrust, an update and a roll "
    "between them. One that comes from a TLS Secret is renewed there."
)
LEFT: Final = {
    Phase.EXPIRES: "ends at {}, within spec.expiryWarning",
    Phase.LAST_WEEK: "ends at {}, within a week",
    Phase.LAST_DAY: "ends at {}, within a day",
    Phase.EXPIRED: "has ended at {}",
}

Ending = tuple[Certificate, Phase]


def make_rows(certificates: Iterable[Certificate], warning: timedelta, now: datetime) -> list[dict[str, str]]:
    """Give a row of the status for each of the certificates, in the order in which they end."""
    return [
        {
            "keyset": cut(each.keyset, MAX_NAME),
            "primaryId": cut(each.key_id, MAX_ID),
            "notAfter": stamp(each.not_after),
            "phase": phase_of(each.not_after, warning, now).value,
        }
        for each in sorted(certificates, key=_by_end)[:MOST]
    ]


def find_ending(certificates: Iterable[Certificate], warning: timedelta, now: datetime) -> list[Ending]:
    """Give the certificates that are warned of, in the order in which they end."""
    phases = ((each, phase_of(each.not_after, warning, now)) for each in sorted(certificates, key=_by_end))
    return [(each, phase) for each, phase in phases if phase is not Phase.VALID]


def tell_end(certificate: Certificate, phase: Phase) -> str:
    """Name a keyset and the day on which its certificate ends; no word changes but when that day is over."""
    verb = "expired" if phase is Phase.EXPIRED else "expires"
    return f"{certificate.keyset} {verb} {certificate.not_after:%Y-%m-%d}"


def tell_next(certificates: Iterable[Certificate], warning: timedelta, now: datetime) -> str:
    """Give the certificates that are warned of as a part of a sentence, empty where there is none."""
    ending = find_ending(certificates, warning, now)
    if not ending:
        return ""
    more = f" and {len(ending) - 1} more" if len(ending) > 1 else ""
    return f"the certificate of {tell_end(*ending[0])}{more}"


def make_expiries(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Notice]:
    """Compare the status before and after a run; tell each certificate that has come nearer to its end.

    What is told depends on the certificate alone, and not on others, on their order or on who looks.
    """
    known = {_certificate(row): ORDER.get(row["phase"], 0) for row in before.get("certificates", ())}
    rows = after.get("certificates", ())
    return [_notice(row) for row in rows if ORDER.get(row["phase"], 0) > known.get(_certificate(row), 0)]


def without_expiries(before: Mapping[str, Any], after: dict[str, Any], lost: Collection[str]) -> dict[str, Any]:
    """Give the status without the steps, by `Notice.once`, whose Events are lost: they are told by the next run."""
    if not lost:
        return after
    known = {_certificate(row): row["phase"] for row in before.get("certificates", ())}
    rows = [
        {**row, "phase": known.get(_certificate(row), Phase.VALID.value)} if _once(row) in lost else row
        for row in after["certificates"]
    ]
    return {**after, "certificates": rows}


def _by_end(certificate: Certificate) -> tuple[datetime, str]:
    return certificate.not_after, certificate.keyset


def _certificate(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["keyset"], row.get("primaryId", ""), row["notAfter"]


def _once(row: Mapping[str, str]) -> str:
    return "/".join((*_certificate(row), row["phase"]))


def _notice(row: Mapping[str, str]) -> Notice:
    phase = Phase(row["phase"])
    reason = Reason.CERTIFICATE_EXPIRED if phase is Phase.EXPIRED else Reason.CERTIFICATE_EXPIRES
    end = LEFT[phase].format(row["notAfter"])
    keyset, key_id, _ = _certificate(row)
    text = f"Keyset {keyset}: the certificate of its primary {key_id} {end}. {ROTATE}"
    return Notice(EventType.WARNING, reason, text, once=_once(row))
