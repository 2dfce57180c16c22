"""The real kind, built once into the sandbox's cache from the `go.mod` beside this file.

As a program it prints where kind is: that of PATH, else the built one.
"""

import os
import shutil
import sys
from pathlib import Path

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.recipes import GoRecipe
from clusterstate.sandbox.toolchain import build

RECIPE = GoRecipe("kind", "v0.30.0", Path(__file__).parent, "sigs.k8s.io/kind", 2, question=("version",))


def kind() -> Path:
    """Give the program; building it takes a minute or two the first time."""
    found = shutil.which("kind")
    return Path(found) if found else build(RECIPE, Cache(default_root(os.environ)), to_stderr)


if __name__ == "__main__":
    sys.stdout.write(f"{kind()}\n")
