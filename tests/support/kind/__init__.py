"""The real kind, built once into the sandbox's cache from the `go.mod` beside this file.

`python -m tests.support.kind` prints where it is.
"""

import os
import shutil
from pathlib import Path

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.recipes import GoRecipe
from clusterstate.sandbox.toolchain import build

RECIPE = GoRecipe("kind", "v0.33.0", Path(__file__).parent, "sigs.k8s.io/kind", 2, question=("version",))


def kind() -> Path:
    """Give that of PATH, else our own; building it takes a minute or two the first time."""
    found = shutil.which("kind")
    return Path(found) if found else build(RECIPE, Cache(default_root(os.environ)), to_stderr)
