"""The ways in which the sandbox gets a program: Go builds it, a wheel carries it, or it is Python with its packages.

Nothing here asks for more than Python: Go itself comes from a wheel where the machine has none.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

from clusterstate.sandbox.cache import Cache, Entry, Say
from clusterstate.sandbox.errors import BuildFailed, ToolMissing
from clusterstate.sandbox.process import Child
from clusterstate.sandbox.recipes import GO, MINIMUM_GO, GoRecipe, WheelRecipe

HEARTBEAT_SECONDS = 30
GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",  # no C compiler is needed, and the programs run on any Linux
    "GOFLAGS": "-buildvcs=false",  # in place of the user's, which may change what is built
    "GOTOOLCHAIN": "local",  # never download another toolchain behind the user's back
    "GOWORK": "off",  # the modules stand in nobody's workspace
}


def build(recipe: GoRecipe, cache: Cache, say: Say) -> Path:
    """Give the program, built into the cache if it isn't there yet."""
    entry = Entry(
        title=f"{recipe.name} {recipe.version}",
        folder=f"{recipe.name}-{recipe.version}-{recipe.fingerprint()}",
        program=recipe.name,
        question=recipe.question,
    )
    if cache.holds(entry):
        return cache.root / entry.folder / entry.program
    go = find_go(cache, say)

    def fill(folder: Path) -> None:
        argv = [str(go), *recipe.arguments(folder / recipe.name)]
        environment = {**os.environ, **GO_ENVIRONMENT}
        _run(argv, cwd=recipe.module, env=environment, log=folder / "log", task=_Task(entry.title, recipe.minutes, say))

    return cache.obtain(entry, fill)


def install(recipe: WheelRecipe, cache: Cache, say: Say) -> Path:
    """Give the program of a wheel, installed into the cache if it isn't there yet."""
    entry = wheel_entry(recipe)

    def fill(folder: Path) -> None:
        argv = [*installer(), "--target", str(folder), f"{recipe.package}=={recipe.version}"]
        environment = {**os.environ, "PIP_NO_INPUT": "1"}
        _run(argv, cwd=folder, env=environment, log=folder / "log", task=_Task(entry.title, recipe.minutes, say))

    return cache.obtain(entry, fill)


def wheel_entry(recipe: WheelRecipe) -> Entry:
    """Name the place of a wheel's program in a cache."""
    return Entry(
        title=f"{recipe.package} {recipe.version}",
        folder=f"{recipe.package}-{recipe.version}",
        program=recipe.path,
        question=recipe.question,
    )


def install_locked(name: str, requirements: Path, cache: Cache, say: Say) -> Path:
    """Give a Python of its own that has the packages of a lock file with hashes, made in the cache if it isn't there.

    Its folder has another place when it is ready than while it is made, so packages are used by `python -m` or by
    scripts, not by programs of theirs.
    """
    version = sysconfig.get_python_version()
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    entry = Entry(title=f"Python with {name}", folder=f"{name}-py{version}-{digest}", program="bin/python")
    uv = find_uv()

    def fill(folder: Path) -> None:
        python = str(folder / entry.program)
        venv.create(folder, symlinks=True, with_pip=uv is None)
        install = [uv, "pip", "install", "--compile-bytecode", "--python", python] if uv else pip_of(python)
        argv = [*install, "--quiet", "--require-hashes", "--requirement", str(requirements)]
        task = _Task(entry.title, 1 if uv else 5, say)
        _run(argv, cwd=folder, env={**os.environ, "PIP_NO_INPUT": "1"}, log=folder / "log", task=task)

    return cache.obtain(entry, fill)


def find_go(cache: Cache, say: Say) -> Path:
    """Give a Go toolchain that is new enough: of PATH, else of the cache."""
    found = shutil.which("go")
    if found is not None and go_version(Path(found)) >= MINIMUM_GO:
        return Path(found)
    return install(GO, cache, say)


def go_version(go: Path) -> tuple[int, ...]:
    """Give major and minor number of a toolchain, (0,) if it can't be told."""
    try:
        asked = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    numbers = re.match(r"go(\d+)\.(\d+)", asked.stdout)
    return tuple(map(int, numbers.groups())) if numbers else (0,)


def installer() -> list[str]:
    """Give the command that installs wheels: pip of this Python, else uv (a virtual environment of uv has no pip).

    Raises ToolMissing where there is neither.
    """
    if importlib.util.find_spec("pip") is not None:
        return [*pip_of(sys.executable), "--quiet", "--only-binary=:all:", "--no-deps"]
    uv = find_uv()
    if uv is None:
        raise ToolMissing("There is neither pip nor uv to install a wheel with; install one of them.")
    return [uv, "pip", "install", "--quiet", "--no-build", "--no-deps", "--python", sys.executable]


def pip_of(python: str) -> list[str]:
    """Give the command by which pip of that Python installs."""
    return [python, "-m", "pip", "install"]


def find_uv() -> str | None:
    """Give uv: of the variable UV, which the Makefile and uv itself set, of PATH, or of this Python's environment."""
    named = shutil.which(os.environ.get("UV", ""))
    return named or shutil.which("uv") or shutil.which("uv", path=sysconfig.get_path("scripts"))


class _Task:
    """What a person is told about a piece of work that takes a while."""

    def __init__(self, title: str, minutes: int, say: Say) -> None:
        self.title, self.minutes, self.say = title, minutes, say
        self.start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start


def _run(argv: list[str], *, cwd: Path, env: dict[str, str], log: Path, task: _Task) -> None:
    """Run a command to its end with signs of life. Raises BuildFailed."""
    task.say(f"making {task.title}, once; about {task.minutes} min on 2 cores")
    child = Child.start(argv, log=log, env=env, cwd=cwd)
    try:
        while (code := child.wait(HEARTBEAT_SECONDS)) is None:
            task.say(f"still making {task.title}: {task.seconds:.0f} s")
    finally:
        child.stop()
    if code != 0:
        raise BuildFailed(f"{task.title} could not be made (exit code {code}).\n{child.tail()}")
    task.say(f"made {task.title} in {task.seconds:.0f} s")
