"""`clusterstate diff A B`: both sides are read, and compared in `plan`.

What one side declares is a part of a state: it is merged into the other side, and what comes of that is compared.
"""

from collections.abc import AsyncIterator, Mapping

import click

from clusterstate.cli.exits import DIFFERENT
from clusterstate.cli.manners import mention
from clusterstate.cli.output import as_text
from clusterstate.cli.review.data import review_data
from clusterstate.cli.review.declared import Declared
from clusterstate.cli.review.markdown import as_markdown
from clusterstate.cli.review.opening import Side
from clusterstate.cli.review.results import ClusterReview, Review
from clusterstate.cli.review.reviewer import Found, Reviewer, reviewing
from clusterstate.cli.review.sources import StateSource
from clusterstate.cli.review.text import review_lines
from clusterstate.cli.review.words import ReviewWords
from clusterstate.cli.showing import echo_lines
from clusterstate.plan.comparison import add_unmade, compare_states, turned_round
from clusterstate.state.digests import Digests


async def show_difference(words: ReviewWords, environ: Mapping[str, str], output: str) -> int:
    """Print what differs, and give the exit code, as `diff` has it. Raises what keeps a side from being read."""
    async with reviewing(words, environ) as reviewer:
        review = await _compare(reviewer)
    print_review(review, output)
    return DIFFERENT if review.different else 0


def print_review(review: Review, output: str) -> None:
    """Print a review."""
    if output == "text":
        echo_lines(review_lines(review))
        for each in (kept for cluster in review.clusters for kept in cluster.comparison.kept):
            mention(f"{each.key} unchanged: {each.pointer} {each.digest}")
    elif output == "markdown":
        click.echo(as_markdown(review), nl=False)
    else:
        click.echo(as_text(review_data(review), output))


async def _compare(reviewer: Reviewer) -> Review:
    old, new = await reviewer.open()
    declarations = [side for side in (old, new) if isinstance(side, Declared)]
    warnings = tuple(warning for each in declarations for warning in each.warnings)
    found = [_review(*pair, reviewer.digests) async for pair in _pairs(reviewer, old, new)]
    return Review(reviewer.words.old, reviewer.words.new, tuple(found), warnings)


async def _pairs(reviewer: Reviewer, old: Side, new: Side) -> AsyncIterator[tuple[Found, Found]]:
    """Give what is compared, one after another: a store's states don't all fit into memory."""
    if isinstance(old, Declared):
        yield await _declared_first(reviewer, old, new)
    elif isinstance(new, Declared):
        yield await _merged(reviewer, old, new)
    else:
        async for pair in reviewer.read_both(old, new):
            yield pair


async def _declared_first(reviewer: Reviewer, old: Declared, new: Side) -> tuple[Found, Found]:
    if isinstance(new, Declared):
        return _alone(reviewer, old), _alone(reviewer, new)
    there, merged = await _merged(reviewer, new, old)
    return merged, there


def _alone(reviewer: Reviewer, declared: Declared) -> Found:
    """Give what a declaration says by itself."""
    seen = {key: data for key, data in declared.files.items() if reviewer.shows(key)}
    return Found(declared.cluster, declared.word, seen, declared.hidden)


async def _merged(reviewer: Reviewer, source: StateSource, declared: Declared) -> tuple[Found, Found]:
    """Give a state, and the same once a declaration is merged into it."""
    there = await reviewer.read_declared(source, declared)
    after, unmade = declared.merge(there.files, there.url, reviewer.digests)
    seen = {key: data for key, data in after.items() if reviewer.shows(key)}
    shown = tuple(each for each in unmade if reviewer.shows(each.key))
    return there, Found(declared.cluster, declared.word, seen, declared.hidden, shown)


def _review(old: Found, new: Found, digests: Digests) -> ClusterReview:
    found = compare_states(old.files, new.files, digests, old.hidden | new.hidden)
    unmade = [*new.unmade, *map(turned_round, old.unmade)]
    return ClusterReview(new.cluster, old.url, new.url, add_unmade(found, unmade))
