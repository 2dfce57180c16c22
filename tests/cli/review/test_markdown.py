"""A comment on a pull request shows what anybody wrote into a store, and does nothing of what that says."""

import re
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from clusterstate.cli.review.markdown import LONGEST, as_markdown
from clusterstate.cli.review.results import ClusterReview, Review
from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.comparison import Comparison, FileDifference

WORDS = (
    "``` ````` ` ~~~ </code> </summary> </details> <script> @octocat #1 [a](http://evil) ![a](http://evil) ** &lt; \\ "
    "http://evil \u202e a |"
)
HOSTILE = st.lists(st.sampled_from([*WORDS.split(" "), "\n", "\r\n", "\t", "\u2028", " "]), min_size=1, max_size=8).map(
    "".join
)
FILES = st.builds(
    FileDifference,
    key=HOSTILE,
    action=st.sampled_from(Action),
    fields=st.lists(st.builds(FieldChange, HOSTILE, st.sampled_from(Action), HOSTILE, HOSTILE), max_size=2).map(tuple),
    lines=st.lists(HOSTILE, max_size=3).map(tuple),
    note=st.one_of(st.just(""), HOSTILE),
)
SUMMARY = re.compile(r"<details><summary>(added|changed|removed) <code>[^<>]*</code></summary>\n|</details>\n?")


def review(*files: FileDifference, name: str = "a", warnings: tuple[str, ...] = ()) -> Review:
    return Review(name, name, (ClusterReview(name, name, name, Comparison(files)),), warnings)


def leaves(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from leaves(token.children) if token.children else (token,)


@given(st.lists(FILES, max_size=3), HOSTILE, HOSTILE)
def test_nothing_of_a_store_is_markup(files: list[FileDifference], name: str, warning: str) -> None:
    tokens = [*leaves(MarkdownIt("commonmark").parse(as_markdown(review(*files, name=name, warnings=(warning,)))))]
    assert sum(token.type == "fence" for token in tokens) == len(files)
    for token in tokens:
        match token.type:
            case "html_block":
                assert SUMMARY.fullmatch(token.content), token.content
            case "text":
                assert re.fullmatch(r"[0-9]* ?[a-zA-Z0-9 :,.]*|→| → |⚠ ", token.content), token.content
            case _:
                assert token.type in {
                    "fence", "code_inline", "softbreak", "strong_open", "strong_close", "paragraph_open",
                    "paragraph_close",
                }  # fmt: skip


def test_a_comment_is_bounded_and_says_what_is_left_out() -> None:
    files = [
        FileDifference(f"addons/{number:03}`@a", Action.UPDATE, lines=("+" + "x" * 99,) * 400) for number in range(30)
    ]
    text = as_markdown(review(*files))
    assert len(text) <= LONGEST
    assert text.count("<details>") == text.count("</details>") == 4
    assert "# 282 more lines" in text
    assert "Left out for want of room: `` addons/004`@a ``" in text
    assert "and 21 more. `clusterstate diff` shows all." in text


def test_no_difference_is_one_line() -> None:
    assert as_markdown(review()).startswith("**No difference in 0 files.**")
