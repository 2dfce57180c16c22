"""What the tests feed to YAML: JSON values whose text looks like anything but text."""

import re
from typing import Any

from hypothesis import strategies as st

NASTY = [
    *("~", "null", "Null", "true", "True", "yes", "y", "n", "N", "on", "Off", "=", "<<", ".", "..", "...", "---", "-"),
    *("--", "?", ":", "#", "'", '"', "\\", "|", ">", "%", "@", "`", "!", "&", "*", "[", "]", "{", "}", ",", "é", "中"),
    *("0", "00", "08", "010", "0x1F", "0o17", "0b11", "-0b1", "1_000", "+.5", ".5", "1.", "1e3", "1E-3", ".5_0", "ß"),
    *("-.inf", ".inf", ".NaN", "1:30", "190:20:30", "18446744073709551616", "-9223372036854775809", "😀", "\ufeff"),
    *("2017-01-01", "2017-1-1T1:2:3Z", "2017-13-01", "2001-02-30", "0000-02-29", "2001-12-14t21:59:43.10-05:00"),
]
SPACES = [" ", "  ", "\n", "\n\n", "\t", "\r", "\u2028", "\u2029", "\xa0", "\x00", "\x1b", ": ", " #", "- ", "? ", " a"]
WORDS = ["lorem ipsum dolor sit amet consectetur", "x" * 70, "kops.k8s.io/v1alpha2", "100.64.0.0/10", "é" * 30]
PIECES = [*NASTY, *SPACES, *WORDS]

texts = (
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    | st.sampled_from(PIECES)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x85"), max_size=30)
)
"""Any text but U+0085, which the library itself turns into a space."""

names = texts.filter(lambda name: re.search("[^ -~]|[0-9]", name) is None and name != "<<")
"""Keys without digits, with which the library's order isn't always one: its output differs from run to run. Nor `<<`,
which it writes plain and then takes for a merge. Tests of single keys have them all."""

numbers = (
    st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e6, 1e16, 1e20, 1e21, 1e-5, 123456.5, 1234567.5, 5.586461850954702e16])
)
scalars = texts | numbers | st.booleans() | st.none()


def _nest(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(children, max_size=3) | st.dictionaries(names, children, max_size=3)


objects = st.dictionaries(names, st.recursive(scalars, _nest, max_leaves=12), max_size=4)
