"""Makes files wrong: edits of bytes, and JSON whose every value is left out, replaced or given twice.

The same edits come from Hypothesis, which can shrink a failing one, and from a seeded `random.Random`,
for tests that try a fixed number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from pipeline.core.errors import PipelineError

DEEP = 3_000
"""Levels of brackets beyond which Python's own JSON and TOML readers give up."""
ODD = (
    "null", "true", "false", "0", "-1", "7.5", "1e999", "-1e999", "NaN", "-Infinity", "9" * 30, "9" * 5000,
    '""', '"x"', '" x "', '"\\ud800"', '"\\u0000\\u001b[31m\\n::error::x"', '"../../x"', '"/etc/passwd"',
    f'"sha256:{"0" * 64}"', f'"sha256:{"0" * 64}\\n"', f'"{"y" * 70_000}"', "[]", "[null]", '["x"]', "[[]]",
    "{}", '{"x": 1}', "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP,
)  # fmt: skip
"""JSON texts to put in the place of any other value."""
_MARK = "\N{REPLACEMENT CHARACTER} here \N{REPLACEMENT CHARACTER}"


def edited(raw, edits):
    """Apply edits to bytes: each is a place (0 to 1), the number of bytes to remove, and bytes to insert."""
    for place, gone, new in edits:
        at = int(place * (len(raw) + 1))
        raw = raw[:at] + new + raw[at + gone :]
    return raw


def edits(tokens):
    """Give the strategy of one to six edits, which may insert whole tokens of a language."""
    new = st.one_of(st.sampled_from(tokens), st.binary(max_size=4), st.text(max_size=3).map(_utf8))
    edit = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), new)
    return st.lists(edit, min_size=1, max_size=6)


def drawn(chance, tokens):
    """Draw edits from a `random.Random`."""
    one = lambda: bytes([chance.randrange(256)])  # noqa: E731
    return [
        (chance.random(), chance.randint(0, 3), chance.choice([*tokens, one(), b""]))
        for _ in range(chance.randint(1, 6))
    ]


def outcome(call, *argv, kind=PipelineError):
    """Call; give the result and None, or None and the error that refused it."""
    try:
        return call(*argv), None
    except kind as error:
        return None, error


def paths(data, before=()):
    """Yield the path of every value in JSON data."""
    yield before
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from paths(value, (*before, key))


def replaced(data, path, text):
    """Write JSON data with the value at a path replaced by a JSON text; None leaves it out."""
    if not path:
        return (text or "").encode()
    copy = json.loads(json.dumps(data))
    parent = _at(copy, path[:-1])
    if text is None:
        del parent[path[-1]]
        return _dumped(copy)
    parent[path[-1]] = _MARK
    return _dumped(copy).replace(_dumped(_MARK).strip(), text.encode(), 1)


def doubled(data, path, text):
    """Write JSON data with the key at a path given a second time, with another value."""
    key = _dumped(path[-1]).strip().decode()
    old = json.dumps(_at(data, path), ensure_ascii=False)
    return replaced(data, path, f"{old}, {key}: {text}")


def variants(data):
    """Yield JSON data made wrong at every place in every way."""
    for path in paths(data):
        yield replaced(data, path, None)
        for text in ODD:
            yield replaced(data, path, text)
        if path and isinstance(path[-1], str):
            yield doubled(data, path, '"x"')
            yield doubled(data, path, "null")


def wrong(data):
    """Give the strategy of JSON data with one value replaced or left out, and bytes edited."""
    places = list(paths(data))

    def made(draw_path, text, changes):
        return edited(replaced(data, draw_path, text), changes)

    texts = st.one_of(st.none(), st.sampled_from(ODD), _any_json())
    changes = st.one_of(st.just([]), edits((b"{", b"}", b"[", b",", b'"', b"\\u", b"NaN", b"\0")))
    return st.builds(made, st.sampled_from(places), texts, changes)


def cut_and_flipped(raw) -> Iterator[bytes]:
    """Yield bytes cut off at every place, then with one bit of every byte turned."""
    for at in range(len(raw)):
        yield raw[:at]
    for at in range(len(raw)):
        yield raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :]


def typed(value, hint=Any):
    """Return whether a value, and all inside it where it is a dataclass or tuple, has its declared type."""
    if hint is Any:
        hint = type(value)
    origin, of = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return any(typed(value, each) for each in of)
    if origin is Literal:
        return value in of
    if origin is tuple and of[-1] is ...:
        return type(value) is tuple and all(typed(each, of[0]) for each in value)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return type(value) is hint and all(
            typed(getattr(value, field.name), hints[field.name]) for field in fields(hint)
        )
    return value is None if hint is NoneType else type(value) is (origin or hint)


def _any_json():
    numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.none())
    leaves = st.one_of(numbers, st.text(max_size=20))
    deep = st.recursive(
        leaves, lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=5), c)
    )
    return deep.map(json.dumps)


def _at(data, path):
    for step in path:
        data = data[step]
    return data


def _dumped(data):
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def _utf8(text):
    return text.encode("utf-8", "surrogatepass")
