"""Every row of the table takes every exam, or it is written down here why not: none gets lost by accident."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from clusterstate.api.store_rules import SCHEMES
from clusterstate.store.open import BACKENDS
from tests.store.conformance import Examined, StoreConformance
from tests.store.faults import ExpiryConformance, FaultConformance, RefusalConformance, WireConformance
from tests.store.hostile import HostileConformance

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests/store", "tests/state/kops_resources")
"""Where the exams are taken."""

EXAMS: Final = (
    StoreConformance,
    FaultConformance,
    RefusalConformance,
    ExpiryConformance,
    WireConformance,
    HostileConformance,
)
NETWORK: Final = EXAMS[1:]
REFUSED: Final = "azureblob"
"""A scheme that is known, and never opened."""

Why = Mapping[type[Examined], str]


def but(reason: str, *exams: type[Examined]) -> Why:
    return dict.fromkeys(exams, reason)


NO_NETWORK: Final = but("nothing is asked over a network, and nobody is asked who it is", *NETWORK)
LIKE_S3: Final = {
    ExpiryConformance: "its keys have no end: the flavours' variables know no session token",
    HostileConformance: "the code that reads answers is s3's, examined there",
}

ROWS: Final[Mapping[str, Why]] = {
    "s3 (versitygw)": {},
    "s3 (moto)": but("the server is another one, for what S3 does when all is well", *NETWORK),
    "s3, below a prefix": but("the prefix is a wrapper's, and no network sees it", *NETWORK),
    "do": LIKE_S3,
    "linode": LIKE_S3,
    "hos": LIKE_S3,
    "scw": LIKE_S3,
    "gs (fake-gcs-server)": {},
    "gs, below a prefix": but("the prefix is a wrapper's, and no network sees it", *NETWORK),
    "gs, without uniform access": but("the bucket is another one, the network the same", *NETWORK),
    "swift (Keystone)": but(
        "what is given is Keystone's address, and that tells of Swift's: swift/test_hostile.py", HostileConformance
    ),
    "swift (v1)": {
        ExpiryConformance: "a user and a password have no end; that of a token is in swift/test_tokens.py",
        HostileConformance: "the code that reads Swift's answers is that of the row with Keystone",
    },
    "oss": {},
    "oss, own names": but("the addresses are others, the network and the code the same", *NETWORK),
    "oss, versioned bucket": but("the bucket is another one, the network the same", *NETWORK),
    "oss, below a prefix": but("the prefix is a wrapper's, and no network sees it", *NETWORK),
    "k8s (Secrets)": but("the store is that of another cluster, by the operator's own client", *NETWORK),
    "k8s (another cluster)": {
        HostileConformance: "an API server has no buckets, and speaks JSON: kubernetes/test_hostile.py",
    },
    "k8s (KopsResources)": {
        StoreConformance: "it keeps objects, not bytes under any key: the exam in state/kops_resources/test_exam.py",
        HostileConformance: "an API server has no buckets, and speaks JSON: kubernetes/test_hostile.py",
    },
    "file": NO_NETWORK,
    "memfs": NO_NETWORK,
    "memfs, in all wrappers": NO_NETWORK,
}
"""Every row, and the exams that it doesn't take, each with the reason."""


def below(kind: type[Examined]) -> Iterator[type[Examined]]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


@pytest.fixture(scope="module")
def taken() -> set[tuple[str, type[Examined]]]:
    """Rows and exams as pytest finds them: in the modules and classes that it takes for tests."""
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py")):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {(each.row, exam) for exam in EXAMS for each in below(exam) if is_collected(each)}


def is_collected(kind: type[Examined]) -> bool:
    return kind.__name__.startswith("Test") and kind.__module__.rpartition(".")[2].startswith("test_")


def test_every_row_takes_its_exams(taken: set[tuple[str, type[Examined]]]) -> None:
    assert taken == {(row, exam) for row, missing in ROWS.items() for exam in EXAMS if exam not in missing}


def test_every_scheme_begins_a_row(taken: set[tuple[str, type[Examined]]]) -> None:
    rows = {row for row, exam in taken if exam is StoreConformance}
    assert {row.replace(",", "").split()[0] for row in rows} == set(BACKENDS) - {REFUSED}


def test_the_resource_allows_the_schemes_that_there_are() -> None:
    assert {*SCHEMES, REFUSED} == set(BACKENDS)
