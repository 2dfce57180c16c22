"""Whatever names the store, in whatever combination: the command reads the one that the real kops reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from clusterstate.cli.choice import choose_store
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid
from tests.support.cli import clusterstate
from tests.support.kops import Kops
from tests.support.pages import Desk, blocks, load
from tests.support.stores import kops_files
from tests.support.world import MINIMAL

SOURCES: Final = ("state", "variable", "config", "home", "folder")
"""From the first that counts to the last."""
FILES: Final = {"config": "own.yaml", "home": ".kops.yaml", "folder": ".kops/config"}
ABSENT, SILENT, NAMES = range(3)
"""What a source is: not there, there without a store, or naming its own."""

pytestmark = pytest.mark.kops


@dataclass(frozen=True)
class Choice:
    """One person's sources, in a home of their own; each of them names a store with one cluster, called as itself."""

    home: Path
    kinds: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the configuration files."""
        for source, name in FILES.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if self.kinds[source] != ABSENT:
                named = self.kinds[source] == NAMES
                path.write_text(f"kops_state_store: {self.url(source)}\n" if named else "kops_cluster_name: prod\n")

    def url(self, source: str) -> str:
        return f"file://{self.home}/stores/{source}"

    @property
    def words(self) -> StoreWords:
        """What is said by options."""
        config = self.home / FILES["config"] if self.kinds["config"] else None
        return StoreWords(self.url("state") if self.kinds["state"] else None, config)

    @property
    def options(self) -> list[str]:
        """The options themselves."""
        state = ["--state", self.words.state] if self.words.state else []
        return [*state, *(["--config", str(self.words.config)] if self.words.config else [])]

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.home), "KOPS_STATE_STORE": self.url("variable") if self.kinds["variable"] else ""}

    def of_kops(self, kops: Kops) -> str:
        """Give the cluster that kops finds; empty where it finds no store."""
        done = replace(kops, more=self.environ).run("get", "clusters", *self.options, check=False)
        assert done.returncode == 0 or "Please set the --state flag" in done.stderr
        return done.stdout.splitlines()[1].split(".")[0] if done.stdout else ""

    def of_ours(self) -> str:
        """Give the name of the store that is chosen; empty where none is."""
        try:
            return choose_store(self.words, self.environ).url.rpartition("/")[2]
        except CommandInvalid:
            return ""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for source in SOURCES:
        url = tmp_path / "home" / "stores" / source
        for key, data in kops_files(f"file://{url}", MINIMAL, as_name=f"{source}.example.com").items():
            (url / key).parent.mkdir(parents=True, exist_ok=True)
            (url / key).write_bytes(data)
    return tmp_path / "home"


def test_every_combination_of_sources_chooses_the_store_that_kops_chooses(kops: Kops, home: Path) -> None:
    files = product((ABSENT, SILENT, NAMES), repeat=len(FILES))
    spoken = product((ABSENT, NAMES), (ABSENT, NAMES), [(ABSENT,) * len(FILES), (NAMES,) * len(FILES)])
    combinations = {(ABSENT, ABSENT, *each) for each in files} | {(state, env, *each) for state, env, each in spoken}
    choices = ((kinds, Choice(home, dict(zip(SOURCES, kinds, strict=True)))) for kinds in combinations)
    chosen = [(kinds, each.of_ours(), each.of_kops(kops)) for kinds, each in choices]
    assert [each for each in chosen if each[1] != each[2]] == []
    assert {ours for _, ours, _ in chosen} == {"", *SOURCES}


@pytest.mark.parametrize("first", range(len(SOURCES)))
def test_the_command_reads_the_first_store_that_is_named_and_says_by_what(kops: Kops, home: Path, first: int) -> None:
    choice = Choice(home, {source: NAMES if SOURCES.index(source) >= first else ABSENT for source in SOURCES})
    done = clusterstate("get", "clusters", *choice.options, "-o", "name", "-v", home=home, **choice.environ)
    assert done.stdout == f"{choice.of_kops(kops)}.example.com\n"
    by = ("--state", "KOPS_STATE_STORE", *(str(home / name) for name in FILES.values()))[first]
    assert f"clusterstate: The store is {choice.url(SOURCES[first])}, by {by}.\n" in done.stderr
    assert "clusterstate: stores got 1 list, 1 read.\n" in done.stderr


@pytest.mark.objectstore
def test_the_page_is_so(kops: Kops, tmp_path: Path) -> None:
    load(kops)
    desk = Desk(kops, tmp_path / "desk")
    listed = kops.run("get", "clusters").stdout.split()[3:]
    said, kept = blocks("workflows/store.md")
    rows = [
        line.split() for line in desk.run(f"unset KOPS_STATE_STORE\n{said}unset KOPS_STATE_STORE\n{kept}").splitlines()
    ]
    assert rows == [["NAME", "CLOUD", "ZONES"], listed] * 3
