"""Whose keys commands are about, as a record. Loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterstate.cli.words import StoreWords


@dataclass(frozen=True, slots=True)
class Where:
    """Whose files a command is about."""

    store: StoreWords
    cluster: str | None
    environ: Mapping[str, str] = field(repr=False)
