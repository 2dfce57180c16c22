"""Talks to the Go program in `goyaml/`: one JSON request per line, one JSON answer per line."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.recipes import GoRecipe
from clusterstate.sandbox.toolchain import build

MODULE = Path(__file__).parent / "goyaml"


def build_judge(environ: Mapping[str, str]) -> Path:
    """Give the program, built from its source as it stands."""
    source = hashlib.sha256((MODULE / "main.go").read_bytes()).hexdigest()[:8]
    recipe = GoRecipe(name="goyaml", version=f"1.6.0-{source}", module=MODULE, package=".", minutes=1)
    return build(recipe, Cache(default_root(environ), to_stderr), to_stderr)


class Refused(Exception):
    """The library gives an error."""


class Judge:
    """The library in a process of its own."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def dump(self, value: Any) -> str:
        text: str = self._ask({"dump": value})["text"]
        return text

    def load(self, text: str) -> Any:
        return self._ask({"load": text})["value"]

    def _ask(self, request: Mapping[str, Any]) -> Any:
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
