import json
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from clusterstate.state import yaml
from tests.state.judge import Judge
from tests.state.values import PIECES, objects, texts
from tests.support.goprograms import Refused


def in_judge(judge: Judge, value: Any) -> str:
    try:
        return judge.dump(value)
    except Refused:
        reject()


@given(value=objects)
def test_any_object_is_written_as_the_library_writes_it(goyaml: Judge, value: Any) -> None:
    assert yaml.dump(value).decode() == in_judge(goyaml, value)


@given(text=texts)
def test_any_text_is_written_as_the_library_writes_it_wherever_it_stands(goyaml: Judge, text: str) -> None:
    for value in ({text: 1}, {"a": text}, {"a": [text]}, {"a": [[{"b": text}]]}, {"a": {text: {text: text}}}):
        assert yaml.dump(value).decode() == in_judge(goyaml, value)


@pytest.mark.parametrize("piece", PIECES)
def test_every_nasty_piece_is_written_as_the_library_writes_it(goyaml: Judge, piece: str) -> None:
    value = {"a": piece, "b": [f"{piece}x", f"x{piece}", f"x{piece}x {'long ' * 20}"], f"k{piece}": 1}
    assert yaml.dump(value).decode() == goyaml.dump(value)


keys = st.sets(st.from_regex(r"[a-zA-Z0-9./_-]{0,5}", fullmatch=True), max_size=2)
more_keys = st.sets(st.from_regex(r"[a-zA-Z./_-]{0,2}([1-9][0-9]{0,3})?", fullmatch=True), max_size=12)


@given(names=keys | more_keys)
def test_keys_stand_in_the_order_of_the_library(goyaml: Judge, names: set[str]) -> None:
    value = dict.fromkeys(names, 1)
    assert yaml.dump(value).decode() == goyaml.dump(value)


@given(value=objects)
def test_what_is_written_reads_back_as_it_was(value: Any) -> None:
    read = yaml.load(yaml.dump(value), "config")
    assert json.dumps(read, sort_keys=True) == json.dumps(_as_read(value), sort_keys=True)


def _as_read(value: Any) -> Any:
    """Numbers as JSON of Go shows them, and the one character that double quotes can't carry through a fold."""
    match value:
        case dict():
            return {key: _as_read(each) for key, each in value.items()}
        case list():
            return [_as_read(each) for each in value]
        case float() | int() if not isinstance(value, bool):
            return yaml.load(yaml.dump({"n": value}), "n")["n"]
        case _:
            return value


def test_keys_are_ordered_naturally() -> None:
    keys = ["a10", "a_1", "a9", "a-1", "a1", "a.b/c"]
    assert [line.split(":")[0] for line in yaml.dump(dict.fromkeys(keys)).decode().splitlines()] == [
        "a-1", "a.b/c", "a_1", "a1", "a9", "a10",
    ]  # fmt: skip


def test_next_line_characters_survive_though_the_library_loses_them(goyaml: Judge) -> None:
    value = {"a": "b\x85c"}
    assert goyaml.load(goyaml.dump(value)) == {"a": "b c"}
    assert goyaml.load(yaml.dump(value).decode()) == value
