"""The operator as a process: it stops when told to, and says in one line what keeps it from starting."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.world import World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

OPERATOR = Path(__file__).parents[2] / "operator"
NAMELESS = """
import sys
sys.modules["pwd"] = None  # there is no list of users, as if ours weren't in it
from clusterstate.cli.main import main
sys.exit(main())
"""


def test_it_stops_when_told_to(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url))
    world.start_operator()
    world.settled()
    operator = world.operator
    assert operator is not None
    world.operator = None
    began = time.monotonic()
    operator.terminate()
    assert operator.wait(timeout=10) == 0, world.log_tail()
    assert "Traceback" not in world.log_tail()
    assert time.monotonic() - began < 10


KNOWN = "s3, do, linode, hos, scw, gs, swift, oss, k8s, file, memfs, azureblob."


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{rules: []}", "There is no kubeconfig {}/missing. Name another."),
        (
            "{rules: [{namespaces: [a], stores: ['ftp://acme/x*']}]}",
            "{}/policy.yaml: rules[0].stores[0]: 'ftp://acme/x*' is of no known store. Known are " + KNOWN,
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, policy: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy)
    command = [sys.executable, "-m", "clusterstate", "run", "--kubeconfig", str(tmp_path / "missing")]
    environment = {"PYTHONPATH": str(OPERATOR), "HOME": str(tmp_path), "CLUSTERSTATE_POLICY": str(path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == f"clusterstate: {said.format(tmp_path)}\n"


def test_its_user_needs_no_name(world: World) -> None:
    """The image's has none, and a cluster may choose any number."""
    world.program = ("-c", NAMELESS)
    world.load_store()
    world.apply(manifest(url=world.url))
    with world.running():
        world.settled()
