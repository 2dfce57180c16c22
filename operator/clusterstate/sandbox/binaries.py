"""Where the sandbox's programs come from.

For each: the folder named by KUBEBUILDER_ASSETS, then the user's cache, into which it is built or installed once.
kubectl is also taken from its wheel in this Python's environment.
"""

import os
import sysconfig
from importlib import metadata
from pathlib import Path

from clusterstate.sandbox.cache import Cache, Say, default_root, to_stderr
from clusterstate.sandbox.errors import ToolMissing
from clusterstate.sandbox.recipes import BUILT, KUBECTL
from clusterstate.sandbox.toolchain import build, install

NAMES = (*BUILT, KUBECTL.name)
"""All programs that `find` gives."""


def find(name: str, say: Say = to_stderr) -> Path:
    """Give the path of one of NAMES; building it takes minutes the first time, and `say` tells a person so.

    Raises ToolMissing for any other name, and BuildFailed.
    """
    if name not in NAMES:
        raise ToolMissing(f"{name} is none of {', '.join(NAMES)}.")
    provided = _provided(name)
    if provided is not None:
        return provided
    cache = Cache(default_root(os.environ), say)
    if name in BUILT:
        return build(BUILT[name], cache, say)
    return _installed_kubectl() or install(KUBECTL, cache, say)


def _provided(name: str) -> Path | None:
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    program = Path(folder).absolute() / name if folder else None
    return program if program is not None and os.access(program, os.X_OK) else None


def _installed_kubectl() -> Path | None:
    try:
        metadata.version(KUBECTL.package)
    except metadata.PackageNotFoundError:
        return None
    program = Path(sysconfig.get_path("scripts"), KUBECTL.name)
    return program if os.access(program, os.X_OK) else None
