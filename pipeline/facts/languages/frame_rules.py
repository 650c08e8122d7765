"""The rules for sentences of a language file: placeholders, numbers of frames, halves that share nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any  # TOML data has no narrower type before it is read

from pipeline.core.errors import Problem
from pipeline.facts.languages.folding import normalise
from pipeline.facts.languages.text_places import Places

LEAST = {"train": 14, "probe": 8, "reverse": 1, "yes": 1, "no": 1, "stated": 2}
"""Frames of each kind that a language has at least, so that no fact in it falls short of its quota."""
_QUESTION = ("Q", "q", "b")
_STATEMENT = ("S", "d")
_ENGLISH = ("c", "l", "t", "Y")
"""Placeholders that need the grammar of English."""
_ASKED = {
    "train": _QUESTION, "probe": _QUESTION, "reverse": _QUESTION,
    "yes": _STATEMENT, "no": _STATEMENT, "stated": _STATEMENT,
}  # fmt: skip
_HOLES = re.compile(r"\{([^{}]*)\}")


def frame_problems(table: Mapping[str, Any], places: Places, code: str) -> Iterator[Problem]:
    """Yield all that is wrong with a file's sentences and names; their types are right already."""
    frames = table.get("frames")
    if frames is not None:
        for kind, asked in _ASKED.items():
            if kind in frames:
                yield from _listed(kind, frames[kind], asked, places, code)
        yield from _shared(frames, places)
        yield from _holes_of(frames.get("bare", "{s}{A}"), ("s", "A"), ("s", "A"), places)
        named = frames.get("named", "{s}{Q}").replace("{q}", "{Q}")
        yield from _holes_of(named, ("s", "Q"), ("s", "Q"), places)
        for kind in ("other_train", "other_probe"):
            for text in frames.get(kind, ()):
                yield from _holes_of(text, ("s",), ("s",), places)
    for category, halves in table.get("names", {}).items():
        for name in sorted(set(halves["train"]) & set(halves["probe"])):
            where = places.of_value(name, f"names.{category}", last=False)
            yield Problem(where, "both-halves", f"“{name}” is in both halves", _ONE_HALF)


_ONE_HALF = "take it out of one: the gate asks only what training never saw"


def _listed(
    kind: str, frames: list[dict[str, str]], asked: tuple[str, ...], places: Places, code: str
) -> Iterator[Problem]:
    if len(frames) < LEAST[kind]:
        where, hint = places.of_key("frames", kind), "fewer leave facts short of what they need"
        message = f"`{kind}` has {len(frames)} frames; at least {LEAST[kind]} are needed"
        yield Problem(where, "too-few", message, hint)
    for frame in frames:
        yield from _frame(frame, asked, places, code)


def _frame(
    frame: dict[str, str], asked: tuple[str, ...], places: Places, code: str
) -> Iterator[Problem]:
    """Yield what is wrong with one frame."""
    some = next(iter(frame.values()), "")
    for key in frame.keys() - {"name", "prompt", "answer", "fallback"}:
        where = places.of_value(frame[key], "frames")
        hint = "the keys are name, prompt, answer, fallback"
        yield Problem(where, "unknown-key", f"`{key}` is not a key of a frame", hint)
    for key in ("name", "prompt"):
        if not frame.get(key):
            where = places.of_value(some, "frames")
            hint = 'write { name = "…", prompt = "…" }'
            yield Problem(where, "required", f"a frame has no `{key}`", hint)
    english = _ENGLISH if code == "en" else ()
    known = (*asked, *english, "s")
    yield from _holes_of(frame.get("prompt", ""), known, (*asked, *english), places, whole=False)
    if fallback := frame.get("fallback"):
        yield from _holes_of(fallback, known, asked, places, whole=False)
    if "{c}" in frame.get("prompt", "") and code == "en" and not frame.get("fallback"):
        where = places.of_value(frame["prompt"], "frames")
        hint = "write what is asked where the question makes no clause"
        yield Problem(where, "required", "a frame with {c} has no `fallback`", hint)
    answer = frame.get("answer", "{A}")
    yield from _holes_of(answer, ("A", "short", "s"), ("A", "short"), places, whole=False)


def _holes_of(
    text: str,
    known: tuple[str, ...],
    needed: tuple[str, ...],
    places: Places,
    *,
    whole: bool = True,
) -> Iterator[Problem]:
    """Yield placeholders that are unknown, and say where all of the needed ones (or each) are left out."""
    found = _HOLES.findall(text)
    shown = ", ".join(f"{{{each}}}" for each in known)
    where = places.of_value(text, "frames")
    for hole in found:
        if hole not in known:
            message = f"{{{hole}}} is no placeholder here"
            yield Problem(where, "placeholder", message, f"known here: {shown}")
    if re.search(r"[{}]", _HOLES.sub("", text)):
        yield Problem(where, "placeholder", "a brace stands alone", f"known here: {shown}")
    left = [hole for hole in needed if hole not in found]
    if text and (left if whole else len(left) == len(needed)):
        one = " and ".join(f"{{{hole}}}" for hole in left) if whole else "the placeholder"
        message = f"“{text}” leaves out {one}"
        words = ", ".join(f"{{{hole}}}" for hole in needed)
        hint = f"put {'each' if whole else 'one'} of {words} into it"
        yield Problem(where, "placeholder", message, hint)


def _shared(frames: Mapping[str, Any], places: Places) -> Iterator[Problem]:
    """Yield what training and the gate share: prompts, names of frames, other questions."""
    trained = [f for kind in ("train", "reverse", "yes", "no") for f in frames.get(kind, ())]
    asked = [f for kind in ("probe", "stated") for f in frames.get(kind, ())]
    for key in ("prompt", "name", "fallback"):
        seen = {normalise(frame[key]) for frame in trained if frame.get(key)}
        for frame in asked:
            if frame.get(key) and normalise(frame[key]) in seen:
                where = places.of_value(frame[key], "frames", last=True)
                yield Problem(where, "both-halves", f"“{frame[key]}” is in both halves", _ONE_HALF)
    others = {normalise(text) for text in frames.get("other_train", ())}
    for text in frames.get("other_probe", ()):
        if normalise(text) in others:
            where = places.of_value(text, "frames", last=True)
            yield Problem(where, "both-halves", f"“{text}” is in both halves", _ONE_HALF)
