"""Start, await and stop a vLLM server: a process of the serving environment, on loopback.

vLLM lives in an environment of its own (`make serve-env`), since it pins its own libraries; here it
is a command to run, never an import. `serve.engines.api` talks to it once it is up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import ConfigError
from pipeline.models.base_model import Base
from serve.engines import api
from serve.engines.api import Engine, EngineAwayError
from serve.engines.fields import MAX_N

PYTHON = Path(".venv-serve/bin/python")
"""Python of the serving environment that `make serve-env` makes, seen from the repository's root."""
INSIDE = Path(__file__).parent.absolute() / "inside"
"""Code that runs in the engine's process, and imports nothing of ours."""
BASE = "base"
"""The name under which an engine serves the bare base model."""
READY_SECONDS = 600.0
"""Longest start of an engine: about 50 s on two idle cores, minutes with large models."""
FASTEST = "fastest"
"""The dtype that stands for `fast_dtype`."""
DRIVER = Path("/proc/driver/nvidia/version")
"""A running NVIDIA driver tells its version here."""
PROCESSOR = Path("/proc/cpuinfo")
"""Linux tells here what a processor can do."""
MULTIPLIES_BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Linux's names for that, on x86 and on ARM."""
DRAIN_SECONDS = 30
"""Seconds for which requests in flight may go on after an engine is told to stop."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings with which an engine is started; docs/serving.md says what each flag of vLLM is for."""

    python: Path = PYTHON
    dtype: str = FASTEST
    max_model_len: int = 1024
    max_loras: int = 3
    cpu_cache_gib: int = 1
    more: tuple[str, ...] = ()
    """Further flags of vLLM, as they stand on its command line."""


def start_engine(
    base: Base, port: int, log: Path, settings: EngineSettings | None = None, key: str = ""
) -> subprocess.Popen[bytes]:
    """Start vLLM for the base on 127.0.0.1:port, its output going to `log`; it is not ready yet.

    With a key, all its routes but /health ask for it.

    Call it from a program's main thread: the engine ends with the thread that started it.
    Raises ConfigError when there is no serving environment.
    """
    settings = settings or EngineSettings()
    require_engine(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  (a list of our own making)
            [*_ending_with_us(), *command(base, port, settings)],
            env=environment(settings, key),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to pass on, after requests have ended
        )


def require_engine(settings: EngineSettings) -> None:
    """Raise ConfigError where there is no serving environment."""
    if not settings.python.is_file():
        raise ConfigError(
            f"{settings.python}: there is no serving environment", "`make serve-env` makes it"
        )


def command(base: Base, port: int, settings: EngineSettings) -> list[str]:
    """Write vLLM's command line.

    The module is run, not `vllm serve`, which in the CPU build looks for a package of another name.
    """
    return [
        str(settings.python.absolute()), "-m", "vllm.entrypoints.openai.api_server",
        "--model", str(base.folder), "--served-model-name", BASE,
        "--host", "127.0.0.1", "--port", str(port),
        "--dtype", fast_dtype() if settings.dtype == FASTEST else settings.dtype,
        "--max-model-len", str(settings.max_model_len),
        "--enable-lora", "--max-lora-rank", "16",
        "--max-loras", str(settings.max_loras), "--max-cpu-loras", "8",
        "--shutdown-timeout", str(DRAIN_SECONDS),
        "--default-chat-template-kwargs", '{"enable_thinking": false}',
        "--middleware", "onlywithkey.OnlyWithKey",
        *settings.more,
    ]  # fmt: skip


def fast_dtype() -> str:
    """Choose bfloat16 where a card or the processor multiplies it, and float32 elsewhere.

    On two cores with no more than AVX2, 16 answers took 11 s in float32 and 29 s in bfloat16.
    """
    able = PROCESSOR.read_text(encoding="utf-8").split() if PROCESSOR.is_file() else ()
    return "bfloat16" if DRIVER.exists() or MULTIPLIES_BF16 & set(able) else "float32"


def environment(settings: EngineSettings, key: str = "") -> dict[str, str]:
    """Give the process environment: adapters may come and go at run time, nothing asks the network."""
    return {
        **os.environ,
        "PYTHONPATH": str(INSIDE),
        "VLLM_API_KEY": key,
        "VLLM_MAX_N_SEQUENCES": str(MAX_N),
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        "VLLM_PLUGINS": "",  # no resolvers: they let a client's model name choose a path or repository
        "VLLM_CPU_KVCACHE_SPACE": str(settings.cpu_cache_gib),
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def await_ready(
    server: Engine, process: subprocess.Popen[bytes], log: Path, seconds: float = READY_SECONDS
) -> None:
    """Wait until a started engine answers.

    Raises ConfigError when it ended instead, EngineAwayError when it takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not api.healthy(server):
        if process.poll() is not None:
            raise ConfigError(
                f"vLLM ended with code {process.returncode} before it was ready",
                f"its last words are at the end of {log}",
            )
        if time.monotonic() > deadline:
            raise EngineAwayError(f"{server.url}: not ready after {seconds:g} s", f"see {log}")
        time.sleep(0.5)


def stop(process: subprocess.Popen[bytes], seconds: float = DRAIN_SECONDS + 10) -> None:
    """Ask the engine to finish its requests and end; after `seconds` it is killed with its children."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill(process)
    kill_group(process.pid)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the engine and its children at once."""
    kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    """End whatever is left of the process group that an engine leads."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _ending_with_us() -> list[str]:
    """Give the prefix that ends the engine when its parent is killed, where the system has the tool."""
    tool = shutil.which("setpriv")
    return [tool, "--pdeathsig", "TERM", "--"] if tool else []
