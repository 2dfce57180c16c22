"""The tutorial as somebody follows it: every block is typed as it stands there, and prints what is shown."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.data import CHECKOUT
from clusterstate.sandbox.s3server import S3Server
from tests.support.pages import all_blocks, blocks

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
PAGE: Final = "tutorial.md"
BEFORE: Final = "exec 2>&1; set -euo pipefail; trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"


def script() -> str:
    """Give what is typed; a block of YAML is added to prod.yaml."""
    write = "cat >> prod.yaml <<'END'\n{}END\n"
    typed = {"sh": "{}", "yaml": write}
    return BEFORE + "".join(typed[language].format(text) for language, text in all_blocks(PAGE) if language in typed)


def shapes(text: str) -> list[str]:
    """Give lines without what is different each time: numbers, times, and how wide a table is."""
    months = re.sub(r"[A-Z][a-z]{2} +(?=\d+ [\d:]{8})", "", text)
    return [" ".join(re.sub(r"\d+", "0", re.sub(r"\d+m(?=\d+s)", "", line)).split()) for line in months.splitlines()]


def test_the_tutorial(control_plane: ControlPlane, s3_server: S3Server, namespace: str, tmp_path: Path) -> None:
    ours = {"clusters": f"{namespace}-clusters", "acme-state-store": f"{namespace}-store"}
    for name, target in {"crds": CHECKOUT / "crds", ".venv": Path(sys.prefix)}.items():
        (tmp_path / name).symlink_to(target)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(control_plane.kubeconfig)}
    typed = re.sub(rf"\b({'|'.join(ours)})\b", lambda name: ours[name[0]], script())
    command = ["bash", "-c", typed]
    try:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**environ, **s3_server.variables},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    finally:
        control_plane.api().request("DELETE", f"/api/v1/namespaces/{ours['clusters']}")
    assert done.returncode == 0, done.stdout
    printed = done.stdout.replace(ours["acme-state-store"], "acme-state-store")
    shown = [line for text in blocks(PAGE, "") for line in shapes(text)]
    assert [line for line in shown if line not in shapes(printed)] == [], printed
