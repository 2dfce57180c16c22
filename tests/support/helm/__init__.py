"""The real helm, built once into the sandbox's cache from the `go.mod` beside this file.

Its version is one whose Kubernetes libraries are those of the control plane, of which Go keeps what it has compiled.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.recipes import GoRecipe
from clusterstate.sandbox.toolchain import build

RECIPE = GoRecipe("helm", "v4.2.4", Path(__file__).parent, "helm.sh/helm/v4/cmd/helm", 3, question=("version",))
CHART = Path(__file__).parents[3] / "charts" / "clusterstate"
Manifest = dict[str, Any]


@cache
def helm() -> Path:
    """Give the program; building it takes minutes the first time."""
    return build(RECIPE, Cache(default_root(os.environ)), to_stderr)


def run_helm(*arguments: str, home: Path, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    command = [str(helm()), *arguments, *(() if values is None else ("--values", "-"))]
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(
        command, input=json.dumps(values), env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def rendered(release: str, namespace: str, values: Mapping[str, Any], home: Path) -> Iterator[Manifest]:
    """Give the objects of the chart as helm would create them."""
    done = run_helm("template", release, str(CHART), "--namespace", namespace, values=values, home=home)
    assert done.returncode == 0, done.stderr
    return (each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each)
