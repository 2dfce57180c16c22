"""What commands about keys were told, as records. Loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clusterstate.cli.words import StoreWords


@dataclass(frozen=True, slots=True)
class Where:
    """Whose files a command is about."""

    store: StoreWords
    cluster: str | None
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Materials:
    """Where a new key pair comes from, and whether it becomes the primary."""

    cert: Path | None = None
    """None: it is made, and signed by its own key."""
    key: Path | None = None
    """None: it is made, unless there is a certificate, which comes alone then."""
    primary: bool = False
