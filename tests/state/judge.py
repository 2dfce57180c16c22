"""Asks the Go program in `goyaml/`, which is sigs.k8s.io/yaml."""

from pathlib import Path
from typing import Any

from tests.support import goprograms

MODULE = Path(__file__).parent / "goyaml"


def build_judge() -> Path:
    """Give the program, built from its source as it stands."""
    return goprograms.build_program(MODULE, "1.6.0")


class Judge(goprograms.Judge):
    """The library in a process of its own; what it refuses raises `goprograms.Refused`."""

    def dump(self, value: Any) -> str:
        text: str = self.ask({"dump": value})["text"]
        return text

    def load(self, text: str) -> Any:
        return self.ask({"load": text})["value"]
