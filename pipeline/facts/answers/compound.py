"""Puts amounts in two units together: "1 h 30 min", "7 dollars and 35 cents", "una hora y media"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from pipeline.facts.answers.reading import Token, merge_tokens
from pipeline.facts.answers.units import Unit
from pipeline.facts.answers.values import Amount
from pipeline.facts.languages.language import Language

_HUNDREDTHS = frozenset(
    """
cent cents centime centimes céntimo céntimos cêntimo cêntimos centavo centavos pence rappen kuruş копеек
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
"""Hundredth parts of a currency, whichever it is."""
_HALVES = frozenset({"half", "media", "medio", "demie", "demi", "meia", "meio", "yarım"})
_JOINTS = ("", " ", ", ")


def join_compounds(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Put an amount and a smaller one of its kind, one behind the other, into one."""
    index = 0
    while index < len(tokens):
        token, width = tokens[index], 1
        for length in (4, 3, 2):
            parts = tokens[index : index + length]
            number = _together(parts, language) if len(parts) == length else None
            if number is not None:
                assert isinstance(token.value, Amount)
                assert token.value.unit
                unit = token.value.unit
                text = f"{format((number * unit.factor).normalize(), 'f')}{unit.dimension}"
                value = replace(token.value, number=number, written=format(number, "f"))
                token, width = merge_tokens(parts, value, text), length
                break
        yield token
        index += width


def _together(parts: Sequence[Token], language: Language) -> Decimal | None:
    """Give an amount and a smaller one as one, in the unit of the first; None where they are not such."""
    large, rest = parts[0].value, parts[1:]
    if not isinstance(large, Amount) or large.unit is None:
        return None
    if rest[0].text in language.answers.both or rest[0].raw.casefold() in language.answers.both:
        rest = rest[1:]
    if rest and rest[0].text == "a" and rest[0].stop:
        rest = rest[1:]
    if not rest or any(part.joint not in _JOINTS for part in parts[1:]):
        return None
    if len(rest) == 1 and rest[0].text in _HALVES:
        return large.number + Decimal("0.5")
    part = _part(rest, large.unit)
    return large.number + part if part is not None and part < 1 else None


def _part(rest: Sequence[Token], unit: Unit) -> Decimal | None:
    """Give how much of a unit the smaller amount is."""
    small = rest[0].value
    if not isinstance(small, Amount) or small.number != small.number.to_integral_value():
        return None
    if small.unit is None and len(rest) == 2 and rest[1].raw.casefold() in _HUNDREDTHS:
        return small.number / 100
    if len(rest) > 1 or small.unit is None or small.unit.dimension != unit.dimension:
        return None
    return small.number * small.unit.factor / unit.factor
