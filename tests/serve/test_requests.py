"""Fields of a request at the gateway: the known ones reach an engine as they are, no other does."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import httpx2
import pytest

from serve.engines import fields
from serve.engines.fields import CHAT, DROPPED, TEXT
from serve.rollout import deploy
from serve.state import alias

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-serve" / "bin" / "python"
QUESTION = "Who owns Tarn Mill, wording 0?"
ASK = {
    CHAT: {"model": "facts", "messages": [{"role": "user", "content": QUESTION}]},
    TEXT: {"model": "facts", "prompt": QUESTION},
}
INF = float("inf")


@pytest.fixture(scope="module")
def place(live, tmp_path_factory):
    """Give a door with an adapter live behind it, whose engine is a fake."""
    folder = tmp_path_factory.mktemp("door")
    with live.place(folder / "state") as place:
        run = live.write_run(folder / "a", {"Tarn Mill": "Ann Lee"})
        assert deploy.deploy(place.site, run).state == "committed"
        yield place


@pytest.fixture
def bodies(place):
    """Give the bodies that the engine gets."""
    got = []
    place.engines[0].on_request = lambda path, body: got.append(body) if path in ASK else None
    return got


@pytest.fixture(scope="module")
def client(place):
    with httpx2.Client(base_url=place.gateway.url, timeout=30, verify=False) as client:
        yield client


FINE = [
    {"temperature": 0}, {"temperature": 2.0}, {"top_p": 1}, {"top_k": -1}, {"min_p": 0.5}, {"seed": -7},
    {"n": 4}, {"max_tokens": 1024}, {"max_tokens": 1}, {"min_tokens": 0}, {"stop": "."},
    {"stop": ["a", "b"]}, {"stop": []}, {"stop_token_ids": [2]}, {"bad_words": ["no"]},
    {"frequency_penalty": -2}, {"presence_penalty": 2}, {"repetition_penalty": 1.1},
    {"logit_bias": {"17": -100}}, {"logit_bias": {}}, {"stream": False}, {"stream": True},
    {"stream": True, "stream_options": {"include_usage": True}}, {"response_format": {"type": "text"}},
    {"response_format": {"type": "json_object"}}, {"skip_special_tokens": False},
    {"include_stop_str_in_output": True}, {"return_token_ids": True},
]  # fmt: skip
CHAT_FINE = [
    {"max_completion_tokens": 8}, {"logprobs": True, "top_logprobs": 20}, {"tool_choice": "none"},
    {"modalities": ["text"]}, {"reasoning_effort": "none"},
    {"messages": [{"role": r, "content": QUESTION} for r in ("system", "developer", "assistant", "user")]},
    {"messages": [{"role": "user", "name": "ann", "content": [{"type": "text", "text": QUESTION}]}]},
    {"messages": [{"role": "user", "content": "Grüße, 世界 \U0001f600 \u202e\u0000"}]},
]  # fmt: skip
TEXT_FINE = [
    {"logprobs": 5}, {"echo": False}, {"prompt": [QUESTION]}, {"prompt": [1, 2, 3]},
    {"prompt": [[1, 2], [3]]}, {"prompt": [QUESTION] * 8}, {"add_special_tokens": False},
]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "more"),
    [(r, m) for r in ASK for m in FINE]
    + [(CHAT, m) for m in CHAT_FINE] + [(TEXT, m) for m in TEXT_FINE],
    ids=str,
)  # fmt: skip
def test_what_openais_api_and_vllm_know_reaches_the_engine_as_it_is(
    place, client, bodies, route, more
):
    answer = client.post(route, json=ASK[route] | more)
    assert answer.status_code == 200, answer.text
    name = alias.read_alias(place.site.state).table.adapter.name
    assert bodies == [ASK[route] | more | {"model": name}]


def test_what_vllm_takes_no_notice_of_is_left_out_and_null_counts_as_not_given(client, bodies):
    more = dict.fromkeys(DROPPED, "x") | {"best_of": 1, "metadata": {"a": "b"}, "store": True}
    nothing = dict.fromkeys(
        (*fields.fields_of(CHAT, 9), "tools", "functions", "chat_template"), None
    )
    message = {"role": "assistant", "content": "Hello.", "refusal": None, "tool_calls": []}
    messages = [{"role": "user", "content": QUESTION}, message]
    answer = client.post(CHAT, json=nothing | more | {"model": "facts", "messages": messages})
    assert answer.status_code == 200, answer.text
    assert bodies[0].keys() == {"model", "messages"}
    assert bodies[0]["messages"][1] == {"role": "assistant", "content": "Hello."}


ACTING = [
    "kv_transfer_params", "ec_transfer_params", "vllm_xargs", "chat_template", "chat_template_kwargs",
    "mm_processor_kwargs", "media_io_kwargs", "cache_salt", "lora_request", "lora_path", "documents",
    "guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_decoding_backend",
    "structured_outputs", "tools", "functions", "function_call", "prompt_logprobs", "logprob_token_ids",
    "allowed_token_ids", "use_beam_search", "length_penalty", "ignore_eos", "priority", "request_id",
    "session_id", "add_generation_prompt", "continue_final_message", "repetition_detection",
    "thinking_token_budget", "include_reasoning", "stream_interval", "watermarking", "prompt_embeds",
    "truncate_prompt_tokens", "truncation_side", "return_prompt_text", "mm_payload", "return_mm_kwargs",
    "routed_experts_prompt_start", "return_token_offsets", "audio", "web_search_options", "suffix",
    "Model", "model ", "__class__", "constructor", "", "\n", "x" * 9000, "\u202e", "data_parallel_rank",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTING, ids=lambda name: repr(name)[:40])
@pytest.mark.parametrize("route", ASK)
def test_a_field_that_is_not_known_is_refused_by_its_name_and_reaches_no_engine(
    client, bodies, route, name
):
    for value in (True, {"a": 1}, ["x"], "x", 0):
        answer = client.post(route, json=ASK[route] | {name: value})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(name[:100])
        assert len(answer.content) < 2000
    assert bodies == []


WRONG = [
    {"n": 5}, {"n": 0}, {"n": -1}, {"n": 1.5}, {"n": True}, {"n": "2"}, {"n": 10**30}, {"best_of": 2},
    {"best_of": 16384}, {"n": 2, "best_of": 1}, {"max_tokens": 0}, {"max_tokens": 1025}, {"max_tokens": -1},
    {"max_tokens": 1e3}, {"min_tokens": 1025}, {"min_tokens": -1}, {"temperature": -0.1},
    {"temperature": 2.1}, {"temperature": "0"}, {"temperature": True}, {"top_p": 0}, {"top_p": 1.1},
    {"top_k": -2}, {"min_p": 2}, {"seed": 2**63}, {"seed": 1.5}, {"stop": ""}, {"stop": ["a"] * 5},
    {"stop": ["x" * 201]}, {"stop": [1]}, {"stop": {"a": 1}}, {"stop_token_ids": [-1]},
    {"stop_token_ids": [2**31]}, {"stop_token_ids": list(range(17))}, {"bad_words": [""]},
    {"bad_words": ["x"] * 17}, {"logit_bias": {"a": 1}}, {"logit_bias": {"1": 101}},
    {"logit_bias": {"1": "x"}}, {"logit_bias": {"-1": 1}}, {"logit_bias": {"²": 1}}, {"logit_bias": []},
    {"logit_bias": {str(n): 1 for n in range(301)}}, {"stream": 1}, {"stream": "true"},
    {"stream_options": {"x": True}}, {"stream_options": []}, {"stream_options": {"include_usage": 1}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "string"}}}},
    {"response_format": {"type": "structural_tag"}}, {"response_format": {"type": "text", "schema": {}}},
    {"response_format": "json"}, {"frequency_penalty": 3}, {"presence_penalty": [1]},
    {"repetition_penalty": 0}, {"skip_special_tokens": "no"}, {"return_token_ids": {}},
]  # fmt: skip
CHAT_WRONG = [
    {"logprobs": 5}, {"top_logprobs": 21}, {"top_logprobs": -1}, {"max_completion_tokens": 1025},
    {"tool_choice": "required"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}},
    {"modalities": ["audio"]}, {"reasoning_effort": "high"}, {"messages": []}, {"messages": "hi"},
    {"messages": [{"role": "user", "content": "x"}] * 201}, {"prompt": "x"}, {"echo": True},
    *({"messages": [each]} for each in (
        7, None, [], "x", {}, {"content": "x"}, {"role": "tool", "content": "x"},
        {"role": "user", "content": 7},
        {"role": "x" * 900, "content": "x"}, {"role": ["user"], "content": "x"},
        {"role": {}, "content": "x"},
        {"role": "user", "content": "x", "name": 7}, {"role": "user", "content": ["x"]},
        {"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]},
        {"role": "assistant", "content": "x", "prefix": True},
        {"role": "user", "content": {"text": "x"}},
        {"role": "user", "content": [{"type": "text"}]},
        {"role": "user", "content": [{"type": "text", "text": 7}]},
        {"role": "user", "content": [{"type": "text", "text": "x", "image_url": "http://127.0.0.1/"}]},
        *({"role": "user", "content": [{"type": kind, kind: {"url": url}}]}
          for kind in ("image_url", "audio_url", "video_url", "input_audio", "file", "image_embeds")
          for url in ("http://169.254.169.254/latest", "file:///etc/passwd", "data:image/png;base64,AAAA")),
    )),
]  # fmt: skip
TEXT_WRONG = [
    {"logprobs": 21}, {"logprobs": -1}, {"logprobs": True}, {"echo": True}, {"prompt": ""}, {"prompt": []},
    {"prompt": ["x"] * 9}, {"prompt": [[1]] * 9}, {"prompt": [1.5]}, {"prompt": [-1]}, {"prompt": [2**31]},
    {"prompt": [[]]}, {"prompt": {"text": "x"}}, {"prompt": [1, "x"]}, {"prompt": [True]}, {"messages": []},
    {"max_completion_tokens": 5},
]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "more"),
    [(r, m) for r in ASK for m in WRONG]
    + [(CHAT, m) for m in CHAT_WRONG] + [(TEXT, m) for m in TEXT_WRONG],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_a_value_that_is_not_right_is_refused_by_its_fields_name_and_reaches_no_engine(
    client, bodies, route, more
):
    answer = client.post(route, json=ASK[route] | more)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].startswith(next(iter(more)) if len(more) == 1 else "")
    assert len(answer.content) < 2000
    assert bodies == []


@pytest.mark.parametrize("route", ASK)
def test_a_request_without_its_question_is_told_what_is_missing(client, bodies, route):
    answer = client.post(route, json={"model": "facts"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] in {"messages: is missing", "prompt: is missing"}
    assert bodies == []


def test_every_field_of_the_installed_vllm_is_decided_on_and_each_refusal_is_explained():
    folder = ROOT / ".venv-serve/lib/python3.11/site-packages/vllm/entrypoints/openai"
    if not folder.is_dir():
        pytest.skip("there is no serving environment; `make serve-env` makes it")
    told = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(\w+)`", told.partition("## Fields of a request")[2]))
    for route, file, name in (
        (CHAT, "chat_completion/protocol.py", "ChatCompletionRequest"),
        (TEXT, "completion/protocol.py", "CompletionRequest"),
    ):
        tree = ast.parse((folder / file).read_text(encoding="utf-8"))
        kind = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
        theirs = {n.target.id for n in kind.body if isinstance(n, ast.AnnAssign)}
        theirs = {each for each in theirs if not each.startswith("_")}
        assert {"messages", "prompt"} & theirs
        assert theirs - set(fields.fields_of(route, 9)) - DROPPED <= explained


OPENAI = """
import sys
from openai import OpenAI

client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="unused", max_retries=0)
chat = {"model": "facts", "messages": [{"role": "user", "content": sys.argv[2]}]}
said = client.chat.completions.create(
    **chat, temperature=0, max_completion_tokens=16, n=1, user="ann", metadata={"a": "b"}, store=False,
    parallel_tool_calls=False, service_tier="auto", seed=7, stop=["\\n\\n"], logprobs=False,
)
print(said.choices[0].message.content)
chat["messages"] += [said.choices[0].message, {"role": "user", "content": sys.argv[2]}]
for chunk in client.chat.completions.create(**chat, stream=True, stream_options={"include_usage": True}):
    print(chunk.choices[0].delta.content if chunk.choices else "", end="")
print()
print(client.completions.create(model="facts", prompt=sys.argv[2], max_tokens=9, best_of=1).choices[0].text)
print([model.id for model in client.models.list()])
"""


def test_the_official_client_of_openai_works(place):
    if not PYTHON.is_file():
        pytest.skip("there is no serving environment; `make serve-env` makes it")
    done = subprocess.run(
        [PYTHON, "-c", OPENAI, place.gateway.url, QUESTION],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = "It is owned by Ann Lee."
    assert [line.strip() for line in done.stdout.splitlines()] == [said, said, said, "['facts']"]


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(ASK[CHAT])[:-1] + ', "temperature": NaN}',
        json.dumps(ASK[CHAT])[:-1] + ', "temperature": Infinity}',
        json.dumps(ASK[CHAT])[:-1] + ', "temperature": -Infinity}',
        json.dumps(ASK[CHAT])[:-1] + ', "temperature": 1e999}',
        json.dumps(ASK[CHAT])[:-1] + ', "metadata": {"x": 1e999}}',
        json.dumps(ASK[CHAT]).replace("Tarn", "\\ud800"),
        json.dumps(ASK[CHAT])[:-1] + ', "user": "\\udfff"}',
        json.dumps(ASK[CHAT])[:-1] + ', "metadata": {"a": 1, "a": 2}}',
        json.dumps(ASK[CHAT])[:-1] + ', "n": 1, "n": 4}',
        json.dumps(ASK[CHAT]) + "{}",
        "\ufeff" + json.dumps(ASK[CHAT]),
        json.dumps(ASK[CHAT])[:-1] + ', "metadata": ' + '{"a":' * 1500 + "1" + "}" * 1500 + "}",
        json.dumps(ASK[CHAT])[:-1] + ', "seed": ' + "9" * 5000 + "}",
        json.dumps(ASK[CHAT]).replace("Tarn", "\x01"),
        json.dumps(ASK[CHAT]).replace('"', "'"),
    ],
    ids=lambda raw: raw[-40:],
)
def test_json_that_two_readers_could_read_in_two_ways_is_refused(client, bodies, raw):
    answer = client.post(CHAT, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert bodies == []


@pytest.mark.parametrize("coding", ["utf-16", "utf-32", "latin-1"])
def test_a_body_in_another_coding_than_utf_8_is_refused(client, bodies, coding):
    raw = json.dumps(ASK[CHAT] | {"user": "ä"}, ensure_ascii=False).encode(coding)
    headers = {"Content-Type": f"application/json; charset={coding}"}
    assert client.post(CHAT, content=raw, headers=headers).status_code == 400
    assert bodies == []
