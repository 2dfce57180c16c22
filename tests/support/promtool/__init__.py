"""The real promtool, built once into the sandbox's cache from the `go.mod` beside this file.

Without the code that finds targets in clouds, which nobody asks for here and which takes most of a build.
"""

import os
import subprocess
from functools import cache
from pathlib import Path

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.recipes import GoRecipe
from clusterstate.sandbox.toolchain import build

RECIPE = GoRecipe(
    "promtool",
    "v3.15.1",
    Path(__file__).parent,
    "github.com/prometheus/prometheus/cmd/promtool",
    2,
    tags="remove_all_sd",
)


@cache
def promtool() -> Path:
    """Give the program; building it takes minutes the first time."""
    return build(RECIPE, Cache(default_root(os.environ)), to_stderr)


def run_promtool(*arguments: str, stdin: str = "") -> str:
    """Give what it says; an error of it fails the test."""
    done = subprocess.run(
        [promtool(), *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
