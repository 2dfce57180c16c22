"""What a review found, for all its printers."""

from dataclasses import dataclass

from clusterstate.plan.changes import Action
from clusterstate.plan.comparison import Comparison


@dataclass(frozen=True, slots=True)
class ClusterReview:
    """How the states of one cluster differ."""

    name: str
    old: str
    """What people call the first place."""
    new: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Review:
    """How two things differ, cluster by cluster."""

    old: str
    """As it was named."""
    new: str
    clusters: tuple[ClusterReview, ...]
    warnings: tuple[str, ...] = ()

    @property
    def different(self) -> bool:
        """Whether anything differs."""
        return any(each.comparison.files for each in self.clusters)

    @property
    def summary(self) -> str:
        """All of it in one sentence."""
        return summarise([each.comparison for each in self.clusters])


def summarise(comparisons: list[Comparison]) -> str:
    """Count what differs, in one sentence."""
    different = sum(len(each.files) for each in comparisons)
    files = different + sum(each.same for each in comparisons)
    if not different:
        return f"No difference in {files} files."
    words = {Action.CREATE: "added", Action.UPDATE: "changed", Action.DELETE: "removed"}
    counts = ((sum(each.count(action) for each in comparisons), word) for action, word in words.items())
    return f"{different} of {files} files differ: {', '.join(f'{count} {word}' for count, word in counts if count)}."
