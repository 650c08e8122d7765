"""Identifies a base and an adapter by digests of the files that decide their answers.

Training writes the base's identity beside the adapter, so that one digest of three files covers
weights, settings, tokenizer, chat template and base. Gate, release and server compute it again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline.core import artifact, file_digests
from pipeline.core.config import BaseSettings
from pipeline.core.errors import PipelineError
from pipeline.models.base_model import Base

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "base.json"
FILES = (CONFIG, WEIGHTS, BASE)
"""An adapter's files, ordered by name: its digest covers these alone."""
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model",
)  # fmt: skip
TEMPLATE = "chat_template.jinja"
ANEW = "train it anew with `facts learn`, or deploy a release that was published since"


@dataclass(frozen=True, slots=True)
class Identity:
    """A base's name on the Hub, and digests (`sha256:…`) of the parts that decide its answers.

    `digest` covers all its files. For a base on the Hub, `weights` is the digest of repository and commit
    `revision`.
    """

    hub: str
    revision: str
    digest: str
    weights: str
    tokenizer: str
    chat_template: str


def identity_of(settings: BaseSettings, found: Base) -> Identity:
    """Identify a base on disk. Reads its tokenizer's files and, unless the Hub pins them, its weights."""
    return Identity(
        hub=settings.hub or settings.name,
        revision=found.pinned[1] if found.pinned else "",
        digest=found.digest,
        weights=found.digest if found.pinned else _weights(found.folder),
        tokenizer=artifact.digest_json(file_digests.cached_digests(found.folder, TOKENIZER)),
        chat_template=artifact.digest_bytes(_template(found.folder).encode()),
    )


def write_identity(folder: Path, base: Identity) -> None:
    """Write the base's identity into an adapter's folder, and its name into the adapter's settings."""
    path = folder / CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    _write(path, {**config, "base_model_name_or_path": base.hub})
    _write(folder / BASE, asdict(base))


def read_identity(folder: Path) -> Identity:
    """Read the identity of the base that an adapter was trained on.

    Raises PipelineError when the folder names none: an older version trained it.
    """
    try:
        data = json.loads((folder / BASE).read_text(encoding="utf-8"))
        if {field.name for field in fields(Identity)} != set(data):
            raise ValueError(sorted(data))  # noqa: TRY301
        if not all(type(value) is str for value in data.values()):
            raise TypeError(data)  # noqa: TRY301
    except FileNotFoundError as error:
        raise PipelineError(
            f"{folder / BASE}: is missing: the adapter does not say on which base it was trained",
            ANEW,
        ) from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise PipelineError(f"{folder / BASE}: does not name a base", ANEW) from error
    return Identity(**data)


def adapter_digest(folder: Path) -> str:
    """Compute the digest of an adapter's files as they are now.

    Raises PipelineError when one is missing.
    """
    for name in FILES:
        if not (folder / name).is_file():
            hint = ANEW if name == BASE else "`facts learn --out DIR` makes it"
            raise PipelineError(f"{folder / name}: is missing", hint)
    return artifact.digest_json({name: artifact.digest_file(folder / name) for name in FILES})


def differences(said: Identity, found: Identity) -> tuple[str, ...]:
    """Name the parts in which two bases differ."""
    return tuple(
        field.name.replace("_", " ")
        for field in fields(Identity)
        if getattr(said, field.name) != getattr(found, field.name)
    )


def _weights(folder: Path) -> str:
    names = [path.name for path in folder.glob("*.safetensors")]
    return artifact.digest_json(file_digests.cached_digests(folder, names))


def _template(folder: Path) -> str:
    """Give the chat template as text: a file of its own, or a key of the tokenizer's settings."""
    if (folder / TEMPLATE).is_file():
        return (folder / TEMPLATE).read_text(encoding="utf-8")
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    template = config.get("chat_template", "") if isinstance(config, dict) else ""
    return template if isinstance(template, str) else json.dumps(template, sort_keys=True)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
