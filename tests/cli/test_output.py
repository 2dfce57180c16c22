"""JSON means to a program what it meant in the store, and does nothing to a terminal."""

import json

from hypothesis import given
from hypothesis import strategies as st

from clusterstate.cli.output import as_text


@given(st.dictionaries(st.text(), st.text(st.characters())))
def test_json_is_printable_and_the_same(value: dict[str, str]) -> None:
    text = as_text(value, "json")
    assert json.loads(text) == value
    assert all(line.isprintable() for line in text.split("\n"))


def test_what_turns_lines_round_on_a_terminal_is_escaped() -> None:
    assert as_text({"key": "a\u202eb\x9b\u00e9"}, "json") == '{\n  "key": "a\\u202eb\\u009b\u00e9"\n}'
