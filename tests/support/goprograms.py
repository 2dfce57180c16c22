"""Go programs of the tests that put a library's own answer beside ours: one JSON request per line, one answer each."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.recipes import GoRecipe
from clusterstate.sandbox.toolchain import build


class Refused(Exception):
    """The library gives an error."""


def build_program(module: Path, version: str) -> Path:
    """Give the program of a folder, built from its source as it stands; `version` is that of the library."""
    source = hashlib.sha256((module / "main.go").read_bytes()).hexdigest()[:8]
    recipe = GoRecipe(name=module.name, version=f"{version}-{source}", module=module, package=".", minutes=1)
    return build(recipe, Cache(default_root(os.environ), to_stderr), to_stderr)


def build_early(session: pytest.Session, fixture: str, build: Callable[[], object]) -> None:
    """Build before the first test runs, since no test's time limit covers that, where a test asks for the fixture."""
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if not session.config.option.collectonly and fixture in names:
        build()


class Judge:
    """The library in a process of its own."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: Any) -> Any:
        """Give the answer to one request. Raises Refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
