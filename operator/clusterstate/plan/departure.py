"""Where a state was before it moved, as revisions remember it: what a clean-up needs to know of the old place. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Departure:
    """The old place of a state that has moved."""

    store: Mapping[str, Any]
    """`spec.store` as it was: references, never secrets."""
    digest: str = ""
    """Of the old place's listing at the switch; empty in an intent, since nothing has been copied yet."""
    last_change: str = ""
    """When the youngest of its files was written, in RFC 3339 with fractions."""
    files: int = 0
    bytes: int = 0
    """Copied, and verified by their hash."""
    cleaning: bool = False
    """Whether deleting had begun while all was as it was at the switch."""
    cleaned_up: bool = False
    generation: int = 0
    """Of the object at the switch: tells this departure from others to the same place."""
    earlier: tuple[str, ...] = ()
    """URLs of places that the state had left before and whose files stayed."""

    def as_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back to an equal object."""
        return {
            "store": dict(self.store),
            "digest": self.digest,
            "lastChange": self.last_change,
            "files": self.files,
            "bytes": self.bytes,
            "cleanedUp": self.cleaned_up,
            "generation": self.generation,
            **({"cleaning": True} if self.cleaning else {}),
            **({"earlier": [*self.earlier]} if self.earlier else {}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Departure":
        """Read what `as_json` gave."""
        return cls(
            store=content["store"],
            digest=content.get("digest", ""),
            last_change=content.get("lastChange", ""),
            files=content.get("files", 0),
            bytes=content.get("bytes", 0),
            cleaned_up=content.get("cleanedUp", False),
            cleaning=content.get("cleaning", False),
            generation=content.get("generation", 0),
            earlier=tuple(content.get("earlier", ())),
        )
