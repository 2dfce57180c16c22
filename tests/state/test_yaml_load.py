import json
import time
from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from clusterstate.errors import MalformedFile
from clusterstate.state import yaml
from tests.state.judge import Judge
from tests.state.values import NASTY, PIECES, objects
from tests.support.goprograms import Refused

FRAMES = (
    "a: %s\n", "%s: 1\n", "a:\n- %s\n- %s\n", 'a: "%s"\n', "a: '%s'\n", "a: !!str %s\n", "a: |\n  %s\n",
    "a: &x %s\nb: *x\n", "a: &x\n  b: %s\nc:\n  <<: *x\n  d: 1\n", "a: 1\n%s: 2\na: 3\n",
)  # fmt: skip


def same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@given(value=objects)
def test_what_the_library_writes_is_read_as_the_library_reads_it(goyaml: Judge, value: Any) -> None:
    try:
        text = goyaml.dump(value)
    except Refused:
        reject()
    assert same(yaml.load(text.encode(), "config"), goyaml.load(text))


@given(frame=st.sampled_from(FRAMES), pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))
def test_what_others_write_means_what_the_library_says_or_is_refused(
    goyaml: Judge, frame: str, pieces: list[str]
) -> None:
    text = frame.replace("%s", "".join(pieces))
    assume("\ufeff" not in text)
    try:
        read = yaml.load(text.encode(), "config")
    except MalformedFile:
        return
    try:
        judged = goyaml.load(text)
    except Refused:
        return
    assert same(read, judged)


@pytest.mark.parametrize(
    "text", [*NASTY, "yes", "01:30", "0x1f", "1e400", "-0", "+12", "1_0.5", "0b2", "08.5", "1e-400"]
)
def test_every_plain_scalar_means_what_the_library_says(goyaml: Judge, text: str) -> None:
    for frame in ("a: {}\n", "{}: a\n", "- {}\n"):
        document = "x:\n  " + frame.format(text)
        try:
            read: Any = yaml.load(document.encode(), "config")
        except MalformedFile:
            read = None
        try:
            judged = goyaml.load(document)
        except Refused:
            judged = None
        assert same(read, judged) or read is None


def test_the_last_of_two_equal_keys_counts_as_in_kops(goyaml: Judge) -> None:
    text = "a: 1\nb: 2\na: 3\n"
    assert yaml.load(text.encode(), "config") == {"a": 3, "b": 2} == goyaml.load(text)


def test_aliases_and_merges_are_followed_and_never_shared() -> None:
    read = yaml.load(b"a: &x {b: [1]}\nc: *x\nd: {<<: *x, e: 2}\n", "config")
    assert read == {"a": {"b": [1]}, "c": {"b": [1]}, "d": {"b": [1], "e": 2}}
    assert read["a"] is not read["c"]


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", 1, "it is empty"),
        (b"- secret-canary\n", 1, "it isn't a mapping"),
        (b"a: 1\n---\nb: secret-canary\n", 2, "a second document begins"),
        (b"a: 1\nb: \xff secret-canary\n", 2, "it isn't UTF-8 text"),
        (b"a: 1\nb: [secret-canary\n", 3, "did not find expected"),
        (b"a: 1\nb: .inf\n", 2, "a number is infinite or none"),
        (b"a: 1\n? [secret-canary]\n: 1\n", 2, "a map key is a list or a map"),
        (b"a: 1\n~: secret-canary\n", 2, "a map key is no text"),
        (b"a: *secret-canary\n", 1, "an alias has no anchor"),
        (b"a: &x\n  b: *x\n", 2, "an alias has no anchor"),
        (b"a: 1\n<<: secret-canary\n", 2, "only maps can be merged"),
        (b"a: !!int secret-canary\n", 1, "a value isn't what its tag says"),
        (b"a: !!binary secret-canary!\n", 1, "a value tagged !!binary"),
        (b"a: \x01secret-canary\n", 1, "control characters"),
        (b"a:\n  " + b"- " * 101 + b"secret-canary\n", 2, "more than 100 levels of nesting"),
    ],
)  # fmt: skip
def test_a_refusal_names_file_and_line_but_no_content(data: bytes, line: int, problem: str) -> None:
    with pytest.raises(MalformedFile) as caught:
        yaml.load(data, "instancegroup/nodes")
    assert caught.value.message.startswith(
        f"instancegroup/nodes is not YAML that kops could read: line {line}: {problem}"
    )
    assert "secret-canary" not in str(caught.value)


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    start = time.monotonic()
    with pytest.raises(MalformedFile, match="aliases add more than"):
        yaml.load("\n".join(lines).encode(), "config")
    assert time.monotonic() - start < 5


@given(data=st.binary(max_size=60))
def test_no_bytes_make_anything_but_a_mapping_or_a_refusal(data: bytes) -> None:
    try:
        assert isinstance(yaml.load(data, "config"), dict)
    except MalformedFile as refused:
        assert refused.message.startswith("config is not YAML")  # noqa: PT017 - either outcome is right


def test_more_values_than_any_file_of_kops_are_not_read() -> None:
    around = 3  # the whole, the name of its field, the list
    lines = b"a:\n" + b"- 1\n" * (yaml.MAX_VALUES - around)
    assert yaml.load(lines, "config") == {"a": [1] * (yaml.MAX_VALUES - around)}
    with pytest.raises(MalformedFile, match=r"config .*more than 200000 values"):
        yaml.load(lines + b"- 1\n", "config")
