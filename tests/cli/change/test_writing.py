"""A command writes what it showed and nothing else: whoever was faster is seen, and never overwritten unseen."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from clusterstate.cli.change.writing import Job, Prepared, Seen, change_states, open_job
from clusterstate.cli.opening import Shop
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import BreakerTripped, ConflictFound, LostRace, SpecInvalid, Unconfirmed
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.desired import Desired, DesiredGroup
from clusterstate.plan.diff import make_plan
from clusterstate.state.objects import JsonObject

DATA = Path(__file__).parents[2] / "data" / "kops-store"
NAME = "minimal.example.com"
GROUP = "nodes-us-east-1a"
YES = Consent(yes=True)


@dataclass
class Scene:
    """A store in a folder, and somebody else who writes to it while a command plans."""

    folder: Path
    shop: Shop
    planned: int = 0
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    """What somebody else does, one after each planning."""

    def group(self, name: str = GROUP) -> str:
        return (self.folder / NAME / "instancegroup" / name).read_text()

    def edit(self, old: str, new: str, name: str = GROUP) -> None:
        path = self.folder / NAME / "instancegroup" / name
        path.write_text(path.read_text().replace(old, new))

    async def job(self, size: int, **spec: str) -> Job:
        """Give a job that sets the largest size of a group, and fields of the cluster."""

        async def make(seen: Seen) -> Prepared:
            self.planned += 1
            groups, cluster = {GROUP: DesiredGroup(GROUP, {"maxSize": size})}, JsonObject(spec) or None
            plan = make_plan(Desired(NAME, seen.access.store.url, cluster, groups), seen.observed, seen.now)
            if self.meanwhile:
                self.meanwhile.pop(0)()
            return Prepared(plan)

        return await open_job(self.shop, NAME, make)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    async with Shop(StoreWords(state=f"file://{tmp_path}"), {}) as shop:
        yield Scene(tmp_path, shop)


async def test_what_was_shown_is_written(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert await change_states([await scene.job(7)], YES) == 0
    assert "maxSize: 7" in scene.group()
    shown = capsys.readouterr()
    assert "~ /spec/maxSize: 1 -> 7" in shown.out
    assert "1 changed in file://" in shown.err


async def test_a_dry_run_writes_nothing(scene: Scene) -> None:
    before = scene.group()
    assert await change_states([await scene.job(7)], Consent(yes=True, dry_run=True)) == 0
    assert scene.group() == before


async def test_nobody_is_asked_where_nothing_changes(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert await change_states([await scene.job(1)], Consent()) == 0
    assert capsys.readouterr().out.startswith("In sync with file://")


async def test_without_a_yes_nothing_is_written(scene: Scene) -> None:
    before = scene.group()
    with pytest.raises(Unconfirmed, match="Say --yes"):
        await change_states([await scene.job(7)], Consent())
    assert scene.group() == before


async def test_who_was_faster_keeps_what_they_wrote(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.meanwhile = [lambda: scene.edit("machineType: t2.medium", "machineType: t3.large")]
    assert await change_states([await scene.job(7)], YES) == 0
    assert "machineType: t3.large" in scene.group()
    assert "maxSize: 7" in scene.group()
    assert "Planned again:" in capsys.readouterr().err
    assert scene.planned == 2


async def test_how_far_it_came_is_told(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.meanwhile = [lambda: scene.edit("machineType: t2.medium", "machineType: t3.large")]
    assert await change_states([await scene.job(7, channel="alpha")], YES) == 0
    told = capsys.readouterr()
    assert "1 of 2 files are written: config." in told.err
    assert told.out.count("/spec/channel") == 1
    assert "channel: alpha" in (scene.folder / NAME / "config").read_text()


async def test_somebody_may_have_done_it_already(scene: Scene) -> None:
    scene.meanwhile = [lambda: scene.edit("maxSize: 1", "maxSize: 7")]
    assert await change_states([await scene.job(7)], YES) == 0
    assert "generation" not in scene.group()


async def test_another_plan_is_asked_for_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.meanwhile = [lambda: scene.edit("maxSize: 1", "maxSize: 3")]
    answers = iter([True, False])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: next(answers))
    with pytest.raises(Unconfirmed):
        await change_states([await scene.job(7)], Consent())
    assert "maxSize: 3" in scene.group()


async def test_a_race_that_is_lost_twice_is_given_up(scene: Scene) -> None:
    scene.meanwhile = [lambda: scene.edit("maxSize: 1", "maxSize: 2"), lambda: scene.edit("maxSize: 2", "maxSize: 3")]
    with pytest.raises(LostRace, match="It was so a second time"):
        await change_states([await scene.job(7)], YES)
    assert "maxSize: 3" in scene.group()


async def test_everything_is_checked_before_the_first_write(scene: Scene) -> None:
    before = scene.group()

    async def refuse(_: Seen) -> Prepared:
        raise SpecInvalid("No.")

    bad = await open_job(scene.shop, "complex.example.com", refuse)
    with pytest.raises(SpecInvalid, match="No"):
        await change_states([await scene.job(7), bad], YES)
    assert scene.group() == before


async def test_a_conflict_is_shown_and_nothing_is_written(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    async def disagree(_: Seen) -> Prepared:
        return Prepared(Plan(conflicts=(Difference("config", "/spec/channel", "alpha", "stable"),)))

    with pytest.raises(ConflictFound, match="Declaration and store disagree on config/spec/channel"):
        await change_states([await open_job(scene.shop, NAME, disagree)], YES)
    assert "Conflict: config/spec/channel" in capsys.readouterr().out


async def test_the_breaker_holds_unless_a_command_has_a_guard_of_its_own(scene: Scene) -> None:
    async def clear(seen: Seen) -> Prepared:
        keys = [key for key in seen.listing.entries if key.startswith("instancegroup/")]
        gone = (FieldChange("", Action.DELETE),)
        versions = seen.read.versions
        return Prepared(Plan(tuple(Change(key, Action.DELETE, gone, expect=versions[key]) for key in keys)))

    for each in ("pki", "secrets"):
        shutil.rmtree(scene.folder / NAME / each)
    job = await open_job(scene.shop, NAME, clear)
    with pytest.raises(BreakerTripped, match="deletes 2 of 3 files"):
        await change_states([job], YES)
    assert await change_states([replace(job, breaker=False)], YES) == 0
    assert not [*(scene.folder / NAME).glob("instancegroup/*")]
