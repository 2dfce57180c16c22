"""What a command is about, and what its exit codes say; the words that commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

TROUBLE: Final = 2
"""Exit code of `plan` where it can't tell whether anything would change, as `kubectl diff` has it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which object a command is about, and where it is."""

    name: str
    namespace: str | None
    """None: that of the kubeconfig's context."""
    kubeconfig: Path | None
    context: str | None
