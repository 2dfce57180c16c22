"""Choice: from what is known of mirrors to the files that a set should have, or why the old set stays. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from clusterstate.errors import FilesNotWritten
from clusterstate.node.config import FileSet, NodeFile


@dataclass(frozen=True, slots=True)
class Found:
    """A mirror that is there."""

    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gone:
    """A mirror that isn't there, for sure."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A mirror of which nothing is known now."""

    message: str


Knowledge: TypeAlias = Found | Gone | Unknown


def choose_files(files: FileSet, known: Mapping[str, Knowledge], *, present: bool) -> dict[NodeFile, bytes]:
    """Give the bytes of each file that the set should have; raise `FilesNotWritten` where the set stays as it is.

    A set is whole or it isn't written. What goes with its mirror, where that was asked for, goes from a set that is
    there (`present`): one that was never written may be of mirrors that are still to come.
    """
    for name in sorted(files.secrets):
        match known[name]:
            case Unknown(message):
                raise FilesNotWritten(f"{files.directory} stays as it is: {message}")
            case Gone() if not (files.remove_missing and present):
                raise FilesNotWritten(
                    f"{files.directory} stays as it is: Secret {name} isn't there. Have the operator mirror it, or "
                    "correct the agent's configuration."
                )
            case _:
                pass
    pairs = ((each, known[each.secret]) for each in files.files)
    return {each: _bytes_of(files, each, found) for each, found in pairs if isinstance(found, Found)}


def _bytes_of(files: FileSet, each: NodeFile, found: Found) -> bytes:
    if each.key not in found.data:
        raise FilesNotWritten(
            f"{files.directory} stays as it is: Secret {each.secret} has no {each.key} for {each.path}. Mirror it with "
            "that part, or correct the agent's configuration."
        )
    return found.data[each.key]
