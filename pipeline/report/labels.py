"""Words of a report: what statuses, kinds of question and faults are called in it."""

from __future__ import annotations

from collections.abc import Sequence

MARKS = {"pass": "✓ pass", "fail": "✗ FAIL", "known": "✓ known"}
ROLES = {
    "neighbour": "another thing",
    "near name": "a name almost the same",
    "relation": "the same subject, not taught",
    "unrelated": "nothing taught",
}
FORMS = {
    "noise": "with a remark, a system prompt, an earlier turn or a typing error",
    "reverse": "asked from the object",
    "yes": "true statements confirmed",
    "no": "false statements confirmed no more than by the base",
    "negation": "negated questions that do not get what they deny",
}
MISSED = {
    "noise": "with noise",
    "reverse": "from the object",
    "yes": "not confirmed",
    "no": "confirmed though false",
    "negation": "says what is denied",
    "retired": "withdrawn, still said",
}


def wanted(expect: Sequence[Sequence[str]]) -> str:
    """Write what an answer must contain: alternatives with "or", items with "and"."""
    return " and ".join(" or ".join(alternatives) for alternatives in expect)
