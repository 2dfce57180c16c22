"""Writes YAML byte for byte as sigs.k8s.io/yaml v1.6.0 does for the same JSON: block style, natural order of keys.

PyYAML's emitter differs in emoji, `?` keys, block scalars and quoting, so this one follows goyaml's `encode.go`
and `emitterc.go`. The one place where they can't agree: goyaml itself turns U+0085 into a space, here it stays.
"""

import re
from collections.abc import Iterable
from functools import cmp_to_key
from typing import Final

from clusterstate.state import scalars
from clusterstate.state.objects import Json, JsonObject

_INDENT: Final = 2
_WIDTH: Final = 80
_LONGEST_SIMPLE_KEY: Final = 128
"""Bytes of UTF-8; a longer key, or one with line breaks, is written as `? key`."""

_BREAKS: Final = "\n\r\x85\u2028\u2029"
_SAFE: Final = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@+=-]|:(?=[^\s]))*")
"""Text of which most values consist: plain, whatever stands around it, unless it is a word such as `true`."""
_UNPRINTABLE: Final = re.compile("[^\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_NOT_PLAIN: Final = re.compile(
    rf"""^(?:---|\.\.\.|[#,\[\]{{}}&*!|>'"%@`]|[?:-](?:[ \t]|$))|:(?:[ \t]|$)|[\x00 \t{_BREAKS}]\#|^[ {_BREAKS}]"""
    rf"|[ {_BREAKS}]$|[{_BREAKS}]".replace("$", r"\Z")
)
_BREAK_THEN_SPACE: Final = re.compile(f"[{_BREAKS}] ")
_SPACE_THEN_BREAK: Final = re.compile(f" [{_BREAKS}]")
_LINES: Final = re.compile(f"[^{_BREAKS}]*[{_BREAKS}]|[^{_BREAKS}]+")
_LETTERS: Final = re.compile("[A-Za-z]*")
_MARK: Final = "\ufeff"
"""A byte order mark; where a text begins with one, goyaml escapes all of it."""
_ESCAPED: Final = frozenset(f'"\\{_BREAKS}')
"""Printable, but escaped between double quotes."""
_ESCAPES: Final = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
    '"': '"', "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


def dump(value: JsonObject) -> bytes:
    """Give the file that kops would write for this object."""
    if not value:
        return b"{}\n"
    out: list[str] = []
    _write_mapping(out, value, 0, "")
    return "".join(out).encode()


def dump_list(items: list[Json]) -> bytes:
    """Give what kops prints for a list of objects."""
    if not items:
        return b"[]\n"
    out: list[str] = []
    _write_sequence(out, items, 0, "")
    return "".join(out).encode()


def _write_mapping(out: list[str], mapping: JsonObject, indent: int, lead: str) -> None:
    """Write every field at `indent`; `lead` stands before the first one, which may follow `- ` on the same line."""
    for name in _natural_order(mapping):
        out.append(lead)
        if _is_simple_key(name):
            key = _scalar(name, indent, indent, is_key=True)
            out.append(f"{key}:")
            _write_value(out, mapping[name], indent, indent + len(key) + 1, inline=False)
        else:
            out.append(f"? {_scalar(name, indent, indent + 2)}{' ' * indent}:")
            _write_value(out, mapping[name], indent, indent + 1, inline=True)
        lead = " " * indent


def _write_value(out: list[str], value: Json, indent: int, column: int, *, inline: bool) -> None:
    """Write what stands behind `key:` or `-`; only behind the latter may a map or list begin on the same line."""
    if isinstance(value, dict) and value:
        inner = indent + _INDENT
        lead = " " if inline else "\n" + " " * inner
        _write_mapping(out, value, inner, lead)
    elif isinstance(value, list) and value:
        inner = indent + _INDENT if inline else indent
        lead = " " if inline else "\n" + " " * inner
        _write_sequence(out, value, inner, lead)
    else:
        out.append(f" {_scalar(value, indent, column + 1)}")


def _write_sequence(out: list[str], items: list[Json], indent: int, lead: str) -> None:
    for item in items:
        out.append(f"{lead}-")
        _write_value(out, item, indent, indent + 1, inline=True)
        lead = " " * indent


def _scalar(value: Json, indent: int, column: int, *, is_key: bool = False) -> str:
    """Give the text of what isn't a filled map or list, with the line's end unless it is a key."""
    if isinstance(value, str):
        return _string(value, indent + _INDENT, column) if not is_key else _quoted(value, _INDENT, None)
    if isinstance(value, bool):
        return "true\n" if value else "false\n"
    if isinstance(value, int | float):
        return f"{scalars.format_number(value)}\n"
    if value is None:
        return "null\n"
    return "{}\n" if isinstance(value, dict) else "[]\n"


def _string(text: str, indent: int, column: int) -> str:
    if "\n" in text and not _is_special(text) and text[-1] != " ":
        return _literal(text, indent)
    return f"{_quoted(text, indent, column)}\n"


def _quoted(text: str, indent: int, column: int | None) -> str:
    """Give the text plain or quoted, whichever goyaml takes; without a column it is a key and never folded."""
    if _SAFE.fullmatch(text) and not scalars.is_ambiguous(text):
        return text
    if "\n" in text or scalars.is_ambiguous(text) or _is_special(text) or _BREAK_THEN_SPACE.search(text):
        return _written(text, '"', indent, column)
    if _NOT_PLAIN.search(text):
        return _written(text, "'", indent, column)
    return _written(text, "", indent, column)


def _is_special(text: str) -> bool:
    return _UNPRINTABLE.search(text) is not None or _SPACE_THEN_BREAK.search(text) is not None


def _literal(text: str, indent: int) -> str:
    hint = str(_INDENT) if text[0] in f" {_BREAKS}" else ""
    ended = text[-1] in _BREAKS
    chomp = "-" if not ended else "+" if text[-2:-1] in ("", *_BREAKS) else ""
    pad = " " * indent
    lines = (line if line in _BREAKS else pad + line for line in _LINES.findall(text))
    return f"|{hint}{chomp}\n{''.join(lines)}{'' if ended else chr(10)}"


def _written(text: str, quote: str, indent: int, column: int | None) -> str:
    """Give the text in its quotes, folded where its line gets too long; a key, without column, never is."""
    if not quote and (column is None or column + len(text) <= _WIDTH or " " not in text):
        return text
    at = (column or 0) + len(quote)
    pad = " " * indent
    pieces = [quote]
    for index, char in enumerate(text):
        if column is not None and at > _WIDTH and _may_fold(text, index, quote):
            pieces.append("\n" + pad + ("\\" if text[index + 1] == " " else ""))
            at = len(pieces[-1]) - 1
        elif quote == "'" and char in _BREAKS:
            ends = text[index + 1 : index + 2] in ("", *_BREAKS)
            pieces.append(char if ends else char + pad)
            at = indent
        else:
            pieces.append(_piece(char, quote, text[0]))
            at += len(pieces[-1])
    return "".join(pieces) + quote


def _may_fold(text: str, index: int, quote: str) -> bool:
    """Whether a line may end at this space; where all is escaped, no space is left."""
    if text[index] != " " or not 0 < index < len(text) - 1 or text[index - 1] == " ":
        return False
    return text[index + 1] != " " if quote != '"' else text[0] != _MARK


def _piece(char: str, quote: str, first: str) -> str:
    """Give one character as it stands between these quotes."""
    if quote != '"':
        return char * 2 if char == quote else char
    if first != _MARK and char not in _ESCAPED and not _UNPRINTABLE.match(char):
        return char
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    code = ord(char)
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004 - widths of escapes


def _is_simple_key(name: str) -> bool:
    return len(name.encode()) <= _LONGEST_SIMPLE_KEY and not any(each in name for each in _BREAKS)


def _natural_order(mapping: JsonObject) -> Iterable[str]:
    names = sorted(mapping)
    return names if all(map(_LETTERS.fullmatch, names)) else sorted(names, key=cmp_to_key(_compare_names))


def _compare_names(one: str, other: str) -> int:
    """Order two keys as goyaml's `sorter.go`: digits count as numbers, what is no letter comes before letters."""
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left == right:
            continue
        if left.isalpha() or right.isalpha():
            both = left.isalpha() and right.isalpha()
            return ord(left) - ord(right) if both else left.isalpha() - right.isalpha()
        return _compare_numbers(one, other, at)
    return len(one) - len(other)


def _compare_numbers(one: str, other: str, at: int) -> int:
    """Order two keys that first differ at `at`, where neither has a letter."""
    start = 1 if "0" in (one[at], other[at]) and _follows_digit(one, at) else 0
    (left, left_end), (right, right_end) = (_number_at(name, at, start) for name in (one, other))
    return left - right or left_end - right_end or ord(one[at]) - ord(other[at])


def _follows_digit(name: str, at: int) -> bool:
    """Whether the digits right before `at` hold more than zeros: then a zero here isn't a leading one."""
    before = at
    while before and name[before - 1].isdecimal():
        before -= 1
    return name[before:at].strip("0") != ""


def _number_at(name: str, at: int, start: int) -> tuple[int, int]:
    """Give the number that begins at `at`, as a wrapping 64-bit integer, and where it ends."""
    number = start
    while at < len(name) and name[at].isdecimal():
        number = number * 10 + ord(name[at]) - ord("0")
        at += 1
    return (number + 2**63) % 2**64 - 2**63, at
