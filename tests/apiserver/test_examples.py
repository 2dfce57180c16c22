"""Every example is applied as it stands, but for addresses and keys, and does what it says on its real server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.open import BACKENDS
from tests.support.backings import Backing, load_store
from tests.support.backings.file import FileBacking
from tests.support.operating import Body, Operating, conditions

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
EXAMPLES = Path(__file__).parents[2] / "examples"
OTHERS = {"demo", "file", "azureblob"}
"""Examples that something else is to be said of."""
STORES = sorted({path.stem for path in EXAMPLES.glob("*.yaml")} - OTHERS)
"""Examples that push, pull and mirror."""
NAME = "prod.example.com"
CONFIG = f"{NAME}/config"
DECLARED = b"  kubernetesVersion: v1.32.10\n"


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    made = Operating(plane, namespace, tmp_path, environ={"CLUSTERSTATE_TOKEN_URLS": "http://127.0.0.1"})
    yield made
    made.stop_operator()


def read_example(name: str, backing: Backing | None = None) -> str:
    """Give an example with this test's addresses and keys in place of its own."""
    text = (EXAMPLES / f"{name}.yaml").read_text()
    for old, new in (backing.replacements if backing else {}).items():
        assert old in text, f"the example doesn't name {old}"
        text = text.replace(old, new)
    return text


def ask(operating: Operating, token: str) -> Body:
    """Ask for a run, and wait for it."""
    operating.kubectl("annotate", "--overwrite", "cst/prod", f"clusterstate.dev/reconcile-requested-at={token}")
    return operating.until(
        lambda: (
            body := operating.state("prod"),
            body if body.get("status", {}).get("lastHandledReconcileAt") == token else None,
        )[1]
    )


def mirrored(operating: Operating, name: str) -> Body | None:
    return operating.find("secret", f"prod-{name}")


def declared(example: str) -> Body:
    """Give the spec of an example, which is its last document."""
    *_, body = yaml.safe_load_all(example)
    spec: Body = body["spec"]
    return spec


def test_every_store_has_an_example() -> None:
    urls = [declared(read_example(name))["store"]["url"] for name in [*STORES, *OTHERS]]
    assert {url.partition("://")[0] for url in urls} == BACKENDS.keys()


@pytest.mark.parametrize("store", STORES)
def test_it_pushes_pulls_and_mirrors(operating: Operating, store: str, request: pytest.FixtureRequest) -> None:
    backing: Backing = request.getfixturevalue(f"{store}_backing")
    example = read_example(store, backing)
    operating.environ |= backing.environ
    with operating.running():
        load_store(backing, NAME)
        before = backing.files()
        operating.kubectl("apply", "--server-side", "-f", "-", stdin=example)
        body = operating.settled("prod")
        assert conditions(body)["StoreReachable"]["status"] == "True"
        check_push(backing, before, declared(example))
        check_mirrors(operating)
        check_pull(operating, backing)


def check_push(backing: Backing, before: dict[str, bytes], spec: Body) -> None:
    after = backing.files()
    groups = {f"{NAME}/instancegroup/{group['name']}" for group in spec.get("instanceGroups", ())}
    assert {key for key in before | after if before.get(key) != after.get(key)} == {CONFIG} | groups
    old, new = before[CONFIG].splitlines(keepends=True), after[CONFIG].splitlines(keepends=True)
    assert DECLARED in new
    assert [line for line in old if line not in new] != []
    assert yaml.safe_load(after[CONFIG])["metadata"]["generation"] >= 1


def check_mirrors(operating: Operating) -> None:
    authority = mirrored(operating, "keyset-kubernetes-ca")
    assert authority is not None
    assert authority["data"].keys() == {"ca.crt"}
    assert mirrored(operating, "secret-dockerconfig") is not None


def check_pull(operating: Operating, backing: Backing) -> None:
    """What somebody else writes is shown and mirrored, and stays."""
    operating.kubectl("patch", "cst/prod", "--type=merge", "-p", '{"spec": {"sync": {"direction": "Pull"}}}')
    operating.settled("prod")
    backing.put(CONFIG, backing.read(CONFIG).replace(DECLARED, b"  kubernetesVersion: v1.32.11\n"))
    theirs = backing.read(CONFIG)
    backing.put(f"{NAME}/secrets/dockerconfig", json.dumps({"Data": "eyJhdXRocyI6IHt9fQ=="}).encode())
    body = ask(operating, "after they wrote")
    assert conditions(body)["InSync"]["status"] == "False"
    assert backing.read(CONFIG) == theirs
    secret = mirrored(operating, "secret-dockerconfig")
    assert secret is not None
    assert secret["data"] == {".dockerconfigjson": "eyJhdXRocyI6IHt9fQ=="}


def test_a_folder_is_for_review(operating: Operating, file_backing: FileBacking) -> None:
    load_store(file_backing, NAME)
    before = file_backing.files()
    operating.environ |= file_backing.environ
    with operating.running():
        operating.kubectl("apply", "--server-side", "-f", "-", stdin=read_example("file", file_backing))
        stalled = operating.settled("prod", "Stalled", status="True", reason="FileStoreIsForReview")
        assert stalled["status"]["plan"]["update"] == 1
        check_mirrors(operating)
        operating.kubectl("patch", "cst/prod", "--type=merge", "-p", '{"spec": {"sync": {"dryRun": true}}}')
        dry = operating.settled("prod")
        assert dry["status"]["plan"]["changes"][0]["field"] == "/spec/kubernetesVersion"
        assert file_backing.files() == before
        operating.kubectl("patch", "cst/prod", "--type=merge", "-p", '{"spec": {"sync": {"dryRun": false}}}')
        check_pull(operating, file_backing)


def test_memory_is_for_trials(operating: Operating) -> None:
    """It must be allowed, is empty at first, and is gone with the process."""
    with operating.running():
        operating.kubectl("apply", "--server-side", "-f", "-", stdin=read_example("memfs"))
        operating.settled("try", "Stalled", status="True", reason="EndpointRefused")
    operating.environ["CLUSTERSTATE_ALLOW_MEMORY"] = "true"
    with operating.running():
        assert operating.settled("try")["status"]["store"]["files"] == 2
        operating.kubectl("patch", "cst/try", "--type=merge", "-p", '{"spec": {"sync": {"direction": "Pull"}}}')
        assert operating.settled("try")["status"]["store"]["files"] == 2
    with operating.running():
        operating.until(lambda: operating.state("try")["status"]["store"]["files"] == 0)


def test_azure_is_refused_as_not_there_yet(operating: Operating) -> None:
    said = operating.kubectl("apply", "--server-side", "-f", "-", stdin=read_example("azureblob"), check=False)
    assert "azureblob:// is not supported yet" in said
