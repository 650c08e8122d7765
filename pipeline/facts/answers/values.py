"""Values that a text may hold, compared by value: amounts with units, ranges, days, times and versions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.facts.answers.units import Unit

ROUNDED = Decimal("0.005")
"""Share by which an amount may differ that was converted between systems of units."""
_BINARY = {1000: 1024, 1000**2: 1024**2, 1000**3: 1024**3, 1000**4: 1024**4}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit, if any; `written` are its digits, which tell 2.10 from 2.1."""

    number: Decimal
    written: str
    unit: Unit | None = None

    @property
    def plain(self) -> bool:
        """Return whether it is a number alone, with no unit."""
        return self.unit is None


@dataclass(frozen=True, slots=True)
class Range:
    """A range from one amount to another."""

    low: Amount
    high: Amount


@dataclass(frozen=True, slots=True)
class Day:
    """A date by its parts; 0 where a part is not said. `other` is how else it may be read: (month, day)."""

    year: int = 0
    month: int = 0
    day: int = 0
    other: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of the day, in minutes; `half` is whether it may be that of the afternoon, too (9:30)."""

    minutes: int
    half: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """Digits with points that are no number: 2.10.1, 192.168.0.1."""

    written: str


Value = Amount | Range | Day | Clock | Version


def value_keys(value: Value) -> tuple[object, ...]:
    """Give what a value is known by, for a first look: `wanted_keys` has one of them."""
    match value:
        case Amount():
            return (float(value.number), *((_unit_key(value),) if value.unit else ()))
        case Range():
            return ("range", *value_keys(value.low), *value_keys(value.high))
        case Day():
            months = {value.month, value.other[0] if value.other else value.month}
            return (*(f"month {month}" for month in months), float(value.year), float(value.day))
        case Clock():
            return ("clock",)
        case Version():
            return (value.written,)


def wanted_keys(value: Value) -> frozenset[object]:
    """Give what a text that says a value is known by: one of these at least."""
    match value:
        case Amount():
            return frozenset({float(value.number), *((_unit_key(value),) if value.unit else ())})
        case Range():
            return frozenset({"range", *wanted_keys(value.low)})
        case Day():
            return frozenset(value_keys(value)[:-2] if value.month else {float(value.year)})
        case _:
            return frozenset(value_keys(value))


def _unit_key(amount: Amount) -> object:
    """Give the dimension of an amount, with its worth where that is not converted."""
    assert amount.unit is not None
    if amount.unit.before:
        return amount.unit.dimension, float(amount.number * amount.unit.factor)
    return amount.unit.dimension


def same_value(wanted: Value, said: Value) -> bool:  # noqa: PLR0911  (a case a kind)
    """Return whether what is said is what is wanted; more may be said of a date or of an amount's unit."""
    match wanted, said:
        case Amount(), Amount():
            return _same_amount(wanted, said)
        case Amount(unit=None), Day():
            return wanted.number in (said.year, *((said.day,) if not said.month else ()))
        case Range(), Range():
            return _same_ends(wanted, said)
        case Day(), Day():
            return _same_day(wanted, said)
        case Day(month=0, day=0), Amount(unit=None):
            return said.number == wanted.year
        case Clock(), Clock():
            apart = abs(wanted.minutes - said.minutes)
            return apart == 0 or (apart == 720 and (wanted.half or said.half))
        case Version(), Version():
            return wanted == said
    return False


def _same_amount(wanted: Amount, said: Amount) -> bool:  # noqa: PLR0911  (a case a kind)
    if wanted.unit is None:
        return _same_digits(wanted, said)
    if said.unit is None or wanted.unit.dimension != said.unit.dimension:
        return False
    if wanted.unit.dimension == "temperature" and wanted.unit != said.unit:
        return abs(_kelvin(wanted) - _kelvin(said)) < 1
    one, two = wanted.number * wanted.unit.factor, said.number * said.unit.factor
    if one == two:
        return True
    if wanted.unit.system != said.unit.system:
        return abs(one - two) <= ROUNDED * max(abs(one), abs(two))
    binary = [_BINARY.get(int(each.factor)) for each in (wanted.unit, said.unit)]
    if wanted.unit.dimension == "data" and all(binary):
        return wanted.number * Decimal(binary[0] or 0) == said.number * Decimal(binary[1] or 0)
    return False


def _same_digits(wanted: Amount, said: Amount) -> bool:
    """Compare plain numbers: a fraction by its digits, since 2.10 may be a version and 2.1 another."""
    if "." in wanted.written and said.unit is None:
        return wanted.written == said.written
    return wanted.number == said.number


def _same_ends(wanted: Range, said: Range) -> bool:
    """Compare both ends; the first takes the second's unit where it has none."""
    one, two = (
        (replace(each.low, unit=each.low.unit or each.high.unit), each.high)
        for each in (wanted, said)
    )
    return all(_same_amount(w, s) for w, s in zip(one, two, strict=True))


def _same_day(wanted: Day, said: Day) -> bool:
    if wanted.year and wanted.year != said.year:
        return False
    readings = [(said.month, said.day), *([said.other] if said.other else [])]
    asked = [(wanted.month, wanted.day), *([wanted.other] if wanted.other else [])]
    return any(
        all(not want or want == has for want, has in zip(one, other, strict=True))
        for one in asked
        for other in readings
    )


def _kelvin(amount: Amount) -> Decimal:
    name = amount.unit.name if amount.unit else ""
    if name == "F":
        return (amount.number - 32) * 5 / 9 + Decimal("273.15")
    return amount.number + (Decimal("273.15") if name == "C" else 0)
