"""The judge of YAML: sigs.k8s.io/yaml itself, built once into the user's cache before the first test runs."""

from collections.abc import Iterator

import pytest

from tests.state.judge import Judge, build_judge
from tests.support.goprograms import build_early


def pytest_collection_finish(session: pytest.Session) -> None:
    build_early(session, "goyaml", build_judge)


@pytest.fixture(scope="session")
def goyaml() -> Iterator[Judge]:
    """sigs.k8s.io/yaml v1.6.0, which kops reads and writes its files with."""
    with Judge(build_judge()) as judge:
        yield judge
