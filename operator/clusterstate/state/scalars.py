"""What a plain YAML scalar means to kops: the rules of goyaml v2, as sigs.k8s.io/yaml v1.6.0 uses it.

They are neither YAML 1.1 nor 1.2: `010` is 8, `0o17` is 15, `08` is 8.0, `y` is true, `1:30` and `2017-01-01` are
strings. Numbers come out as they look in JSON between the two: `2.0` is 2.
"""

import math
import re
import struct
from calendar import isleap, monthrange
from decimal import Decimal
from typing import Final

_WORDS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_WORD_STARTS: Final = frozenset("yYnNtTfFoO~")
_NUMBER_STARTS: Final = frozenset("+-0123456789")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DOT_FLOAT: Final = re.compile(r"\.[0-9](_?[0-9])*([eE][-+]?[0-9](_?[0-9])*)?")
_INTEGER: Final = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|(0[0-7]+)|(0|[1-9][0-9]*))")
_BASES: Final = (16, 8, 2, 8, 10)
_LONGEST_INTEGER: Final = 100
"""Digits, in any base: more are no 64-bit number, and Python refuses to convert thousands."""
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[Tt](.*)| +(.*))?", re.DOTALL)
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(Z|[-+]([0-9]{2}):([0-9]{2}))?")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")

INT_MIN: Final = -(2**63)
UINT_MAX: Final = 2**64 - 1
_JSON_INTEGRAL: Final = 1e21
"""Go writes floats below this without an exponent, so they read as integers."""


def resolve(text: str) -> bool | float | str | None:
    """Give the value that a plain scalar has; integers as `int`, what looks like a timestamp as the text itself."""
    start = text[:1]
    if start in _WORD_STARTS or not start:
        return _WORDS.get(text, text)
    if start in _NUMBER_STARTS:
        return _WORDS[text] if text in _WORDS else _number(text)
    if start == ".":
        if text in _WORDS:
            return _WORDS[text]
        return _float(text) if _DOT_FLOAT.fullmatch(text) else text
    return text


def is_ambiguous(text: str) -> bool:
    """Whether the text, written plain, would mean something else than itself to this or another YAML reader."""
    start = text[:1]
    if start in _NUMBER_STARTS:
        return resolve(text) is not text or _is_timestamp(text) or _BASE_60.fullmatch(text) is not None
    if start in _WORD_STARTS or start == "." or not start:
        return resolve(text) is not text
    return False


def _number(text: str) -> float | str:
    if _is_timestamp(text):
        return text
    digits = text.replace("_", "")
    found = _integer(digits)
    if found is not None:
        return found
    value = _float(digits) if _FLOAT.fullmatch(digits) else digits
    return text if isinstance(value, str) else value


def _integer(digits: str) -> int | None:
    """Give what Go's `ParseInt` and `ParseUint` with base 0 accept, None for anything else."""
    match = _INTEGER.fullmatch(digits)
    if match is None or len(digits) > _LONGEST_INTEGER:
        return None
    sign, *groups = match.groups()
    value = next(int(group, base) for group, base in zip(groups, _BASES, strict=True) if group is not None)
    largest = UINT_MAX if not sign else -INT_MIN if sign == "-" else -INT_MIN - 1
    if value > largest:
        return None
    return -value if sign == "-" else value


def _float(text: str) -> float | str:
    """Give the number, or the text where it is too large for one."""
    value = float(text)
    if math.isinf(value):
        return text
    return simplify(value)


def simplify(value: float) -> float:
    """Give an integer where Go's JSON would show one: its shortest digits, filled up with zeros."""
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < _JSON_INTEGRAL else value


def _is_timestamp(text: str) -> bool:
    """Whether Go would parse it as one of the four formats of goyaml's `parseTimestamp`."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.group(1, 2, 3))
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):  # noqa: PLR2004 - months of a year
        return False
    zoned, local = match.group(4, 5)
    if zoned is None and local is None:
        return True
    clock = _CLOCK.fullmatch(zoned or local or "")
    return clock is not None and (clock.group(4) is not None) == (zoned is not None) and _is_time(clock)


def _days(year: int, month: int) -> int:
    return monthrange(2000 if isleap(year) else 2001, month)[1]


def _is_time(clock: re.Match[str]) -> bool:
    hour, minute, second, _, zone_hour, zone_minute = clock.groups(default="0")
    return int(hour) < 24 and int(minute) < 60 and int(second) < 60 and int(zone_hour) <= 24 and int(zone_minute) <= 60  # noqa: PLR2004 - a day's parts; Go allows the upper bounds in a zone


def format_number(value: float) -> str:
    """Give the text of a number as goyaml writes it: integers of 64 bits in full, all others as Go's `%g`."""
    if isinstance(value, int) and INT_MIN <= value <= UINT_MAX:
        return str(value)
    value = simplify(float(value))
    if isinstance(value, int) and INT_MIN <= value <= UINT_MAX:
        return str(value)
    return format_float(float(value))


def format_float(value: float) -> str:
    """Give the shortest text that reads back as the same number, as Go's `FormatFloat(value, 'g', -1, 64)`."""
    return _general(Decimal(repr(value)))


def format_key(value: float) -> str:
    """Give the text that sigs.k8s.io/yaml makes of a fractional map key: it rounds to 32 bits first."""
    rounded = _single(value)
    if math.isinf(rounded):
        return ".inf" if rounded > 0 else "-.inf"
    texts = (f"{rounded:.{precision}e}" for precision in range(9))
    return _general(Decimal(next(text for text in texts if _single(float(text)) == rounded)))


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _general(number: Decimal) -> str:
    exponent = number.adjusted() if number else 0
    number = number.normalize()
    if -4 <= exponent < 6:  # noqa: PLR2004 - Go's bounds for %g
        return f"{number:f}"
    sign, digits, _ = number.as_tuple()
    fraction = "".join(map(str, digits[1:]))
    point = "." if fraction else ""
    return f"{'-' if sign else ''}{digits[0]}{point}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
