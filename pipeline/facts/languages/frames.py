"""The sentences that a language file puts around a question or a statement, as `language` reads them.

`dataset` fills their placeholders: docs/languages.md tells what each stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any  # TOML data has no narrower type before it is read here

BARE = "{s}: {A}"
"""A bare answer behind its subject's name, where no language says otherwise."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A way of asking: the prompt, the answer it gets, and the prompt where `{c}` cannot be filled."""

    name: str
    prompt: str
    answer: str = "{A}"
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Negation:
    """Negates a question: by a word behind the subject's name, or by verbs with their negated form."""

    after_name: str = ""
    not_behind: frozenset[str] = frozenset()
    """Words ahead of a name behind which a denial reads oddly: prepositions."""
    verbs: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Frames:
    """All sentences of a language; a kind that it does not have is empty, and is not made."""

    train: tuple[Frame, ...] = ()
    """Ways of asking that training sees; the first is the question as its author wrote it."""
    probe: tuple[Frame, ...] = ()
    """Ways of asking that only the gate uses."""
    reverse: tuple[Frame, ...] = ()
    """Ways of asking from the object, for training."""
    yes: tuple[Frame, ...] = ()
    """Asking whether a true statement is so, for training."""
    no: tuple[Frame, ...] = ()
    """The same for a false one."""
    stated: tuple[Frame, ...] = ()
    """Asking whether a statement is so, true or false, for the gate."""
    bare: str = BARE
    """The frame of an answer that names nothing."""
    named: str = BARE.replace("{A}", "{Q}")
    """The frame that names the subject of a question which does not; it stands inside other frames, too."""
    remarks: tuple[str, ...] = ()
    """Sentences about nothing, ahead of a question."""
    systems: tuple[str, ...] = ()
    """System prompts."""
    turns: tuple[tuple[str, str], ...] = ()
    """Turns of user and assistant before a question."""
    other_train: tuple[str, ...] = ()
    """Other questions about any subject, whose answers are held in training."""
    other_probe: tuple[str, ...] = ()
    """The same for the gate."""
    negation: Negation = Negation()


def frames_from(table: Mapping[str, Any]) -> Frames:
    """Build the frames of a language file's table `frames`, which `language_file` found to be right."""

    def listed(key: str) -> tuple[Frame, ...]:
        return tuple(Frame(**row) for row in table.get(key, ()))

    def texts(key: str) -> tuple[str, ...]:
        return tuple(table.get(key, ()))

    negation = table.get("negation", {})
    return Frames(
        train=listed("train"),
        probe=listed("probe"),
        reverse=listed("reverse"),
        yes=listed("yes"),
        no=listed("no"),
        stated=listed("stated"),
        bare=table.get("bare", BARE),
        named=table.get("named", BARE.replace("{A}", "{Q}")),
        remarks=texts("remarks"),
        systems=texts("systems"),
        turns=tuple((said, answered) for said, answered in table.get("turns", ())),
        other_train=texts("other_train"),
        other_probe=texts("other_probe"),
        negation=Negation(
            negation.get("after_name", ""),
            frozenset(negation.get("not_behind", "").split()),
            negation.get("verbs"),
        ),
    )
