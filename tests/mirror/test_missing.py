"""Missing sources: their mirrors stay or go as `onMissing` says, and never a Secret that isn't a mirror of ours."""

import pytest
from msgspec.structs import replace

from clusterstate.api.spec import MirrorSpec, MissingPolicy, NameRule
from clusterstate.errors import Nature, Reason
from clusterstate.mirror.missing import keep_missing
from clusterstate.mirror.objects import Mirrors
from clusterstate.mirror.record import MirrorRecord
from clusterstate.state.objects import SshPublicKey, State, StoredSecret
from tests.mirror.making import EVERYTHING, OWNER, keyset, state, trust
from tests.mirror.scene import Scene

THINGS = state(keyset("kubelet"), StoredSecret("token", b"x"), SshPublicKey("ab", b"ssh-rsa A"))
NAMES = {"prod-keyset-kubelet", "prod-secret-token", "prod-ssh-ab"}
DELETE = replace(EVERYTHING, on_missing=MissingPolicy.DELETE)


def record(source: str, *, owner: str = OWNER.uid, deleting: bool = False) -> MirrorRecord:
    return MirrorRecord("clusters", source.replace("/", "-"), "u", "1", owner, source, "Opaque", deleting, "d")


@pytest.mark.parametrize(
    ("spec", "one", "missed"),
    [
        (EVERYTHING, record("keyset/a"), True),
        (EVERYTHING, record("secret/a"), True),
        (EVERYTHING, record("ssh/a"), True),
        (DELETE, record("keyset/a"), False),
        (None, record("keyset/a"), False),
        (MirrorSpec(), record("keyset/a"), False),
        (MirrorSpec(keysets=(trust("*", exclude=("a",)),)), record("keyset/a"), False),
        (MirrorSpec(keysets=(trust("*", exclude=("a",)), trust("a"))), record("keyset/a"), True),
        (MirrorSpec(secrets=NameRule(include=("*",))), record("ssh/a"), False),
        (EVERYTHING, record("nonsense/a"), False),
        (EVERYTHING, record("/"), False),
        (EVERYTHING, record("keyset/a", owner="somebody"), False),
        (EVERYTHING, record("keyset/a", deleting=True), False),
    ],
)
def test_a_source_is_missed_where_a_rule_chooses_it(
    spec: MirrorSpec | None, one: MirrorRecord, *, missed: bool
) -> None:
    problems = keep_missing(Mirrors(OWNER, ()), spec, [one]).problems
    assert [(each.secret, each.reason, each.nature) for each in problems] == (
        [(one.name, Reason.SOURCE_MISSING, Nature.STALLED)] if missed else []
    )


@pytest.mark.apiserver
async def test_it_keeps_its_last_content_and_is_told(scene: Scene) -> None:
    await scene.sync(THINGS, EVERYTHING)
    since = scene.plane.audit_mark()
    outcome = await scene.sync(State(), EVERYTHING)
    assert {each.secret for each in outcome.problems} == scene.names() == NAMES
    (text,) = {each.message for each in outcome.problems}
    assert "keyset/kubelet, secret/token, ssh/ab" in text
    assert scene.writes(since) == []

    scene.delete("prod-secret-token")
    assert len((await scene.sync(State(), EVERYTHING)).problems) == 2
    assert scene.names() == NAMES - {"prod-secret-token"}
    assert (await scene.sync(THINGS, EVERYTHING)).created == ("prod-secret-token",)


@pytest.mark.apiserver
@pytest.mark.parametrize(
    ("spec", "things"), [(DELETE, State()), (MirrorSpec(), State()), (MirrorSpec(), THINGS), (None, THINGS)]
)
async def test_exactly_ours_go(scene: Scene, spec: MirrorSpec | None, things: State) -> None:
    scene.create("theirs", metadata={"labels": {"app.kubernetes.io/managed-by": "clusterstate"}})
    other = scene.beside("other")
    await scene.sync(THINGS, EVERYTHING)
    await other.sync(state(StoredSecret("token", b"x")), EVERYTHING)
    outcome = await scene.sync(things, spec)
    assert (set(outcome.deleted), outcome.problems) == (NAMES, ())
    assert scene.names() == {"theirs", "other-secret-token"}
