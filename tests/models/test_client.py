from __future__ import annotations

import socket

import pytest

from pipeline.core import progress
from pipeline.core.chat import Turn
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.models.client import AT_ONCE, Server, ask_server, served_models
from pipeline.models.generate import Answer


def completion(text, reason="stop"):
    """Write what the OpenAI API answers."""
    return {"choices": [{"message": {"content": text}, "finish_reason": reason}]}


def put(url, prompts, **given):
    with progress.bar("asking", len(prompts)) as shown:
        return ask_server(Server(url, "taught"), prompts, 24, shown, **given)


def echo(body):
    return 200, completion(body["messages"][-1]["content"]), 0


def test_answers_come_in_the_order_of_the_prompts_however_long_each_takes(serving):
    def reply(body):
        asked = body["messages"][-1]["content"]
        return 200, completion(f" {asked}! "), 0.05 if asked in {"0", "7"} else 0

    with serving(reply) as api:
        said = put(api.url, [str(n) for n in range(40)])
    assert [answer.text for answer in said] == [f"{n}!" for n in range(40)]


def test_prompts_are_asked_several_at_a_time_and_never_more_than_the_bound(serving):
    with serving(lambda body: (*echo(body)[:2], 0.05)) as api:
        put(api.url, [str(n) for n in range(3 * AT_ONCE)])
    assert 1 < api.most <= AT_ONCE


def test_a_request_is_greedy_and_names_model_and_limit(serving):
    with serving(echo) as api:
        put(f"{api.url}/v1/", ["Who?"])
    path, headers, body = api.requests[0]
    assert path == "/v1/chat/completions"
    assert "Authorization" not in headers
    assert body == {
        "model": "taught",
        "messages": [{"role": "user", "content": "Who?"}],
        "temperature": 0.0,
        "max_tokens": 24,
    }


def test_a_chat_is_sent_turn_by_turn(serving):
    turns = (Turn("system", "Be brief."), Turn("user", "Who?"))
    with serving(echo) as api:
        put(api.url, [turns])
    assert api.requests[0][2]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
    ]


def test_a_key_is_sent_and_never_shown(serving):
    server = Server("http://127.0.0.1:1", "taught", "hidden-key")
    with serving(echo) as api, progress.bar("asking", 1) as shown:
        ask_server(Server(api.url, "taught", "hidden-key"), ["Who?"], 24, shown)
    assert api.requests[0][1]["Authorization"] == "Bearer hidden-key"
    assert "hidden-key" not in repr(server)


@pytest.mark.parametrize(("reason", "ended"), [("stop", True), ("length", False), (None, False)])
def test_only_a_natural_stop_counts_as_an_end(serving, reason, ended):
    with serving(lambda _: (200, completion("Ann Lee.", reason), 0)) as api:
        assert put(api.url, ["Who?"]) == [Answer("Ann Lee.", ended)]


def test_an_answer_without_text_is_empty(serving):
    with serving(lambda _: (200, completion(None), 0)) as api:
        assert put(api.url, ["Who?"]) == [Answer("", ended=True)]


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (500, "engine died\x1b[31m", PipelineError, r"answered 500: engine died\\x1b\[31m"),
        (503, "", PipelineError, r"answered 503: \(nothing\)"),
        (401, "no key", ConfigError, "answered 401: no key"),
        (404, {"message": "no such model"}, ConfigError, "no such model"),
        (200, "<html>hello</html>", PipelineError, "something else than a chat completion: <html>"),
        (200, {"choices": []}, PipelineError, "something else than a chat completion"),
        (200, [], PipelineError, "something else than a chat completion"),
        (200, completion(7), PipelineError, "something else than a chat completion"),
    ],
)
def test_whatever_else_a_server_answers_is_an_error_that_names_it(
    serving, status, body, kind, message
):
    with (
        serving(lambda _: (status, body, 0)) as api,
        pytest.raises(PipelineError, match=message) as raised,
    ):
        put(api.url, ["Who?"] * 3)
    assert type(raised.value) is kind
    assert raised.value.message.startswith(api.url)
    assert raised.value.hint


def test_a_server_that_is_too_slow_is_given_up(serving):
    with (
        serving(lambda _: (200, completion("late"), 0.3)) as api,
        pytest.raises(PipelineError, match=r"no answer within 0\.05 s"),
    ):
        put(api.url, ["Who?"], timeout=0.05)


def test_one_failure_stops_the_rest(serving):
    with serving(lambda _: (500, "broken", 0)) as api:
        with pytest.raises(PipelineError):
            put(api.url, ["Who?"] * 2000)
        assert len(api.requests) < 2000


def test_nothing_listening_at_the_address_is_a_configuration_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConfigError, match="cannot be reached"):
        put(f"http://127.0.0.1:{port}", ["Who?"])


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://[", ""])
def test_what_is_no_address_is_a_configuration_error(url):
    with pytest.raises(ConfigError, match="cannot be reached"):
        put(url, ["Who?"])


def test_models_are_listed_by_name(serving):
    listed = {"data": [{"id": "base"}, {"id": "taught"}]}
    with serving(lambda _: (200, listed, 0)) as api:
        assert served_models(Server(api.url, "taught")) == ["base", "taught"]
    assert api.requests[0][0] == "/v1/models"
