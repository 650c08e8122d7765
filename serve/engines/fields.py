"""Lists the request fields that go through the gateway to vLLM's two public routes, and their values.

vLLM takes fields that act on the server, compile grammars, fetch addresses or fill its memory, and lets
unknown ones pass. So the list is kept by hand; docs/serving.md says why each of the others is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
MAX_N = 4
"""Answers to one prompt; the engines that we start are told so as well."""
MAX_PROMPTS = 8
MAX_MESSAGES = 200
MAX_LOGPROBS = 20
"""Other tokens told beside each: what vLLM's own bound is, and OpenAI's."""
MAX_STOPS = 4
"""vLLM takes no more either."""
INT64 = 2**63 - 1
DROPPED = frozenset({
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "verbosity", "prediction", "parallel_tool_calls", "best_of",
})  # fmt: skip
"""Fields of OpenAI's that its clients send and vLLM takes no notice of."""

Right = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Is:
    """A function that tells whether a value is right, and words for what it must be."""

    right: Right
    must: str


def fields_of(route: str, max_tokens: int) -> Mapping[str, Is]:
    """Give the fields of a route by name; an answer has at most `max_tokens` tokens."""
    tokens = Is(_whole(1, max_tokens), f"a whole number from 1 to {max_tokens}")
    least = Is(_whole(0, max_tokens), f"a whole number from 0 to {max_tokens}")
    fields = {**BOTH, "max_tokens": tokens, "min_tokens": least}
    if route == CHAT:
        return {**fields, **CHAT_ONLY, "max_completion_tokens": tokens}
    return {**fields, **TEXT_ONLY}


def _number(low: float, high: float) -> Right:
    return lambda value: (
        isinstance(value, int | float) and type(value) is not bool and low <= value <= high
    )


def _whole(low: int, high: int) -> Right:
    return lambda value: type(value) is int and low <= value <= high


def _list(each: Right, longest: int, shortest: int = 1) -> Right:
    return lambda value: (
        type(value) is list and shortest <= len(value) <= longest and all(map(each, value))
    )


def _text(longest: float) -> Right:
    return lambda value: type(value) is str and 0 < len(value) <= longest


def _only(*values: object) -> Right:
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def _either(*rights: Right) -> Right:
    return lambda value: any(right(value) for right in rights)


def _bias(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 300
        and all(name.isascii() and name.isdigit() and len(name) < 10 for name in value)
        and all(map(_number(-100, 100), value.values()))
    )


def _options(value: object) -> bool:
    known = {"include_usage", "continuous_usage_stats", "include_obfuscation"}
    return (
        isinstance(value, dict) and value.keys() <= known and all(map(FLAG.right, value.values()))
    )


FLAG = Is(_only(True, False), "true or false")
TOKEN = _whole(0, 2**31 - 1)
TOKENS = _list(TOKEN, 2**20)  # a body holds fewer, and the engine takes what it has room for
TEXT_OF_ANY_LENGTH = _text(math.inf)
BOTH: Mapping[str, Is] = {
    "model": Is(_text(math.inf), "the public name"),
    "frequency_penalty": Is(_number(-2, 2), "a number from -2 to 2"),
    "presence_penalty": Is(_number(-2, 2), "a number from -2 to 2"),
    "repetition_penalty": Is(_number(0.01, 10), "a number from 0.01 to 10"),
    "temperature": Is(_number(0, 2), "a number from 0 to 2"),
    "top_p": Is(_number(math.ulp(0), 1), "a number above 0, to 1"),
    "min_p": Is(_number(0, 1), "a number from 0 to 1"),
    "top_k": Is(_whole(-1, 2**31 - 1), "a whole number from -1"),
    "seed": Is(_whole(-INT64, INT64), "a whole number of 64 bits"),
    "n": Is(_whole(1, MAX_N), f"a whole number from 1 to {MAX_N}"),
    "stop": Is(
        _either(_text(200), _list(_text(200), MAX_STOPS, 0)),
        f"a text, or up to {MAX_STOPS} texts, of up to 200 characters",
    ),
    "stop_token_ids": Is(_list(TOKEN, 16, 0), "up to 16 token ids"),
    "bad_words": Is(_list(_text(100), 16, 0), "up to 16 texts of up to 100 characters"),
    "logit_bias": Is(_bias, "up to 300 token ids, each with a number from -100 to 100"),
    "stream": FLAG,
    "stream_options": Is(_options, 'an object such as {"include_usage": true}'),
    "response_format": Is(
        _only({"type": "text"}, {"type": "json_object"}),
        '{"type": "text"} or {"type": "json_object"}',
    ),
    "include_stop_str_in_output": FLAG,
    "skip_special_tokens": FLAG,
    "spaces_between_special_tokens": FLAG,
    "return_token_ids": FLAG,
    "return_tokens_as_token_ids": FLAG,
}
CHAT_ONLY: Mapping[str, Is] = {
    "messages": Is(
        _list(lambda _: True, MAX_MESSAGES), f"1 to {MAX_MESSAGES} messages"
    ),  # each is looked at where it is read
    "logprobs": FLAG,
    "top_logprobs": Is(_whole(0, MAX_LOGPROBS), f"a whole number from 0 to {MAX_LOGPROBS}"),
    "tool_choice": Is(_only("none"), "'none'"),
    "modalities": Is(_only(["text"]), "['text']"),
    "reasoning_effort": Is(_only("none"), "'none'"),
}
TEXT_ONLY: Mapping[str, Is] = {
    "prompt": Is(
        _either(
            TEXT_OF_ANY_LENGTH,
            _list(TEXT_OF_ANY_LENGTH, MAX_PROMPTS),
            TOKENS,
            _list(TOKENS, MAX_PROMPTS),
        ),
        f"a text, up to {MAX_PROMPTS} texts, or the same as token ids",
    ),
    "logprobs": Is(_whole(0, MAX_LOGPROBS), f"a whole number from 0 to {MAX_LOGPROBS}"),
    "add_special_tokens": FLAG,
    "echo": Is(_only(False), "false"),
}
