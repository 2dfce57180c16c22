"""Durations and quantities as Go spells them after reading them.

Durations: `time.ParseDuration` and `Duration.String`. Quantities: `ParseQuantity` and `CanonicalizeBytes` of
k8s.io/apimachinery/pkg/api/resource, which keeps a text that is canonical already, and keeps some that aren't quite
(`1.500`, `+5`). Both functions raise `ValueError` on what Go refuses; the message doesn't repeat the text.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_MAX_INT64: Final = 2**63 - 1
_LONGEST: Final = 100
"""Characters; nobody means a longer one, and Python refuses to convert thousands of digits."""


def canonical_duration(text: str) -> str:
    """Give a duration such as `90s` as Go prints it: `1m30s`."""
    return _show_duration(_parse_duration(text))


def _parse_duration(text: str) -> int:
    """Give nanoseconds."""
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned == "0":
        return 0
    total = at = 0
    while len(text) <= _LONGEST and (match := _DURATION.match(unsigned, at)):
        total += _parse_part(*match.groups(default=""))
        at = match.end()
    negative = text.startswith("-")
    if not unsigned or at != len(unsigned) or total > _MAX_INT64 + negative:
        raise ValueError("not a duration such as 1h30m or 90s")
    return -total if negative else total


def _parse_part(whole: str, fraction: str, unit: str) -> int:
    if not (whole or fraction) or unit not in _NANOSECONDS:
        raise ValueError("not a duration such as 1h30m or 90s")
    nanoseconds = int(whole or "0") * _NANOSECONDS[unit]
    if fraction:
        digits = fraction[:18]  # more digits are less than a nanosecond of an hour
        nanoseconds += int(float(int(digits)) * (float(_NANOSECONDS[unit]) / float(10 ** len(digits))))
    return nanoseconds


def _show_duration(nanoseconds: int) -> str:
    if nanoseconds < 0:
        return f"-{_show_duration(-nanoseconds)}"
    if nanoseconds < 10**9:
        for unit, size in (("ms", 10**6), ("\u00b5s", 10**3), ("ns", 1)):
            if nanoseconds >= size:
                return _with_fraction(nanoseconds, size) + unit
        return "0s"
    minutes, rest = divmod(nanoseconds, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    shown = f"{_with_fraction(rest, 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{shown}"
    return f"{minutes}m{shown}" if minutes else shown


def _with_fraction(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


_QUANTITY: Final = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX: Final = {exponent: suffix for suffix, exponent in _BINARY.items()}
_EXPONENT: Final = re.compile(r"[eE][+-]?[0-9]{1,4}")
_NANO: Final = -9
_FAST_DIGITS: Final = 18
_FAST_BINARY_DIGITS: Final = 14


class _Format(Enum):
    DECIMAL = "12M"
    EXPONENT = "12e6"
    BINARY = "12Mi"


@dataclass(frozen=True, slots=True)
class _Written:
    """A quantity as it stands in a text."""

    negative: bool
    whole: str
    """Without leading zeros, but at least one digit."""
    fraction: str
    exponent: int
    """Of two if binary, else of ten."""
    format: _Format
    bare: bool
    """It has no digits at all, which Kubernetes takes for zero if it looks at 64 bits only."""

    @property
    def digits(self) -> str:
        return self.whole + self.fraction


def canonical_quantity(value: str | float) -> str:
    """Give a quantity such as `1024Mi` as Kubernetes writes it: `1Gi`. A JSON number counts as its text."""
    text = value.strip() if isinstance(value, str) else _number_text(value)
    written = _parse_quantity(text)
    fast = _is_fast(written)
    if written.bare and not fast:
        raise ValueError("not a quantity: it has no digits")
    if fast and _is_kept(written):
        return text
    mantissa, exponent = _exact(written, fast=fast)
    if not mantissa:
        return "0"
    shown = _show_quantity(mantissa, exponent, _shown_format(written.format, mantissa, exponent))
    return f"-{shown}" if written.negative else shown


def _number_text(value: float) -> str:
    """Give a number as Go's JSON shows it."""
    if isinstance(value, int) or abs(value) >= 1e21:  # noqa: PLR2004 - Go's bound
        return str(value)
    return str(value).replace("e-0", "e-") if 0 < abs(value) < 1e-6 else f"{Decimal(str(value)):f}"  # noqa: PLR2004 - the other one


def _parse_quantity(text: str) -> _Written:
    match = _QUANTITY.fullmatch(text)
    if match is None or not text or len(text) > _LONGEST:
        raise ValueError("not a quantity such as 100m or 1Gi")
    sign, whole, fraction, suffix = match.groups(default="")
    if suffix in _DECIMAL:
        exponent, form = _DECIMAL[suffix], _Format.DECIMAL
    elif suffix in _BINARY:
        exponent, form = _BINARY[suffix], _Format.BINARY
    elif _EXPONENT.fullmatch(suffix):
        exponent, form = int(suffix[1:]), _Format.EXPONENT
    else:
        raise ValueError("not a quantity: its suffix is unknown")
    bare = not any(char.isdigit() for char in text[: len(text) - len(suffix)])
    return _Written(sign == "-", whole or "0", fraction, exponent, form, bare)


def _is_fast(written: _Written) -> bool:
    """Whether Kubernetes computes it with 64 bits, the only way on which it keeps the text."""
    if written.format is _Format.BINARY:
        room = _FAST_BINARY_DIGITS - written.exponent * 3 // 10 - len(written.whole)
        return not written.fraction and room >= 0
    return len(written.digits) <= _FAST_DIGITS and written.exponent - len(written.fraction) >= _NANO


def _is_kept(written: _Written) -> bool:
    """Whether Kubernetes takes the text for canonical."""
    if written.format is _Format.BINARY:
        return int(written.whole) % 8 != 0
    scale = written.exponent - len(written.fraction)
    return scale % 3 == 0 and not written.digits.endswith("000") and written.digits[0] != "0"


def _exact(written: _Written, *, fast: bool) -> tuple[int, int]:
    """Give the absolute value as mantissa and power of ten, rounded up to whole billionths."""
    mantissa, exponent = int(written.digits), -len(written.fraction)
    if written.format is _Format.BINARY:
        mantissa <<= written.exponent
    else:
        exponent += written.exponent
    if not fast and exponent < _NANO:
        mantissa, exponent = -(-mantissa // 10 ** (_NANO - exponent)), _NANO
    if written.format is _Format.BINARY and mantissa > _MAX_INT64 * 10**-exponent:
        return _MAX_INT64, 0
    return mantissa, exponent


def _shown_format(form: _Format, mantissa: int, exponent: int) -> _Format:
    """Give the format of what is shown: small or broken numbers have no binary suffix."""
    if form is not _Format.BINARY:
        return form
    whole, rest = divmod(mantissa, 10**-exponent)
    return form if whole >= 1024 and not rest else _Format.DECIMAL  # noqa: PLR2004 - the smallest binary unit


def _show_quantity(mantissa: int, exponent: int, form: _Format) -> str:
    if form is _Format.BINARY:
        number, steps = _without_factors(mantissa // 10**-exponent, 1024)
        return f"{number}{_BINARY_SUFFIX.get(steps * 10, '')}"
    number, steps = _without_factors(mantissa, 10)
    exponent += steps
    number *= 10 ** (exponent % 3)
    exponent -= exponent % 3
    if form is _Format.DECIMAL:
        return f"{number}{_DECIMAL_SUFFIX.get(exponent, '')}"  # Kubernetes, too, loses the size of 1000E
    return f"{number}e{exponent}" if exponent else str(number)


def _without_factors(number: int, factor: int) -> tuple[int, int]:
    steps = 0
    while number % factor == 0:
        number //= factor
        steps += 1
    return number, steps
