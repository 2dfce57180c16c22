"""Reviews and plans for programs: one shape for JSON and YAML, digests whole."""

from typing import Any

from clusterstate.cli.review.results import ClusterReview, Review
from clusterstate.cli.showing import change_json
from clusterstate.plan.changes import Change
from clusterstate.plan.comparison import FileDifference


def review_data(review: Review) -> dict[str, Any]:
    """Give all that a review found."""
    return {
        "from": review.old,
        "to": review.new,
        "different": review.different,
        "summary": review.summary,
        "clusters": [_cluster(each) for each in review.clusters],
        "warnings": [*review.warnings],
    }


def _cluster(review: ClusterReview) -> dict[str, Any]:
    comparison = review.comparison
    return {
        "name": review.name,
        "from": review.old,
        "to": review.new,
        "files": [_file(each) for each in comparison.files],
        "same": comparison.same,
        "unchanged": [{"path": each.key, "field": each.pointer, "digest": each.digest} for each in comparison.kept],
    }


def _file(difference: FileDifference) -> dict[str, Any]:
    return {
        **change_json(Change(difference.key, difference.action, difference.fields)),
        "lines": [*difference.lines],
        "linesLeftOut": difference.left_out,
        "note": difference.note,
    }
