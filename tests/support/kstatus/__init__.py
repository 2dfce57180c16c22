"""Flux's kstatus, built once into the sandbox's cache from the Go program beside this file.

The library is Flux's own, in a version whose Kubernetes libraries are those of the control plane.
"""

from pathlib import Path
from typing import Any

from tests.support.goprograms import Judge, build_program

VERSION = "1.2.1"


def build_kstatus() -> Path:
    """Give the program, built from its source as it stands."""
    return build_program(Path(__file__).parent, VERSION)


class Kstatus(Judge):
    """The library in a process of its own."""

    def status(self, body: dict[str, Any]) -> str:
        """Give what it takes an object for: Current, InProgress, Failed or Terminating."""
        status: str = self.ask(body)["status"]
        return status
