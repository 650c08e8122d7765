"""Checks whether a stock vLLM can load a PEFT folder; gives `Problem`s.

vLLM refuses some settings that PEFT can write and silently drops others: the adapter then loads, but
the base answers. The rules follow `vllm/lora/peft_helper.py` and `lora_model.py` of vLLM 0.32.
Needs neither torch nor a GPU.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any  # JSON of a stranger's adapter

from pipeline.core.artifact import digest_file
from pipeline.core.errors import ConfigError, PipelineError, Problem, Where
from pipeline.core.escape import plain
from pipeline.models import identity
from pipeline.models.base_model import Base
from pipeline.models.identity import CONFIG, WEIGHTS
from pipeline.models.tensors import Tensor, read_tensors, shapes

MAX_RANK = 16
"""vLLM's default limit, with `--enable-lora` and no other option."""

READ = {
    "r", "lora_alpha", "use_rslora", "target_modules", "bias", "init_lora_weights", "peft_type",
    "base_model_name_or_path",
}  # fmt: skip
"""Keys that vLLM reads; a rule here checks them, or any value is fine."""
IDLE = {
    "task_type", "auto_mapping", "peft_version", "revision", "inference_mode", "lora_dropout",
    "exclude_modules", "layers_to_transform", "layers_pattern", "megatron_core",
    "qalora_group_size",
}  # fmt: skip
"""Keys about training, without effect on inference."""
REFUSED = {
    "use_dora", "lora_bias", "modules_to_save", "layer_replication", "alora_invocation_tokens",
    "use_bdlora", "use_qalora",
}  # fmt: skip
"""Keys for which vLLM refuses an adapter; it ignores any other key."""
DECOMPOSED = ("pissa", "olora", "corda", "loftq")
"""Initialisations that change the base as well, so that the adapter fits no published base."""
TOKENIZER = (*identity.TOKENIZER, identity.TEMPLATE, "chat_template.json")
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}

MAX_QUOTED = 200
"""Characters of a stranger's text that a message quotes."""

JUDGED = {"rank", "zero"}
"""Rules that an adapter may break and still be judged."""

_NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


def compatibility_problems(folder: Path, base: Base, names: Sequence[str]) -> tuple[Problem, ...]:
    """Find everything that keeps a stock vLLM from using the adapter on this base.

    `names` are the names by which the adapter may call its base.
    Raises ConfigError when there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: is no folder", "give the folder that holds the adapter")
    problems = [*_files(folder, base)]
    config = _config(folder)
    if isinstance(config, Problem):
        return (*problems, config)
    problems += _keys(folder, config, names)
    path = folder / WEIGHTS
    if not path.is_file():
        return (*problems, _missing(path))
    try:
        tensors = read_tensors(path)
    except (OSError, PipelineError) as error:
        message = plain(f"cannot be read: {error}", MAX_QUOTED)
        problem = Problem(Where(str(path)), "weights", message, "save it again")
        return (*problems, problem)
    return (*problems, *_names(folder, config, tensors, base), *_values(folder, tensors))


def require_compatible(folder: Path, base: Base, names: Sequence[str]) -> None:
    """Raise PipelineError with the first problem that keeps the adapter from being judged on this base.

    Runs before PEFT loads it, which would fall back to a pickle and ignore unknown settings. A rank above
    vLLM's default may be judged, and an adapter of zeros is left to the verdict.
    """
    for problem in compatibility_problems(folder, base, names):
        if problem.rule not in JUDGED:
            raise PipelineError(f"{problem.where.path}: {problem.message}", problem.hint)


def _files(folder: Path, base: Base) -> Iterator[Problem]:
    for path in sorted(folder.iterdir()):
        where = Where(str(path))
        if path.suffix in PICKLES:
            yield Problem(where, "safetensors-only", "runs code when it is loaded", "remove it")
        of_base = base.folder / path.name
        same = of_base.is_file() and path.is_file() and digest_file(of_base) == digest_file(path)
        if path.name in TOKENIZER and not same:
            yield Problem(
                where,
                "tokenizer",
                f"differs from the one of {base.name}, which servers use instead",
                "teach without new tokens and with the base's chat template, and leave the file out",
            )


def _config(folder: Path) -> dict[str, Any] | Problem:
    path = folder / CONFIG
    if not path.is_file():  # a pipe would block
        return _missing(path)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = plain(f"cannot be read: {error}", MAX_QUOTED)
        return Problem(Where(str(path)), "config", message, "save it again")
    if not isinstance(config, dict):
        return Problem(Where(str(path)), "config", "holds no settings", "save it again with PEFT")
    return config


def _missing(path: Path) -> Problem:
    hint = "give a folder that PEFT saved, such as build/adapter"
    return Problem(Where(str(path)), "missing-file", "is not there", hint)


def _keys(folder: Path, config: Mapping[str, Any], names: Sequence[str]) -> Iterator[Problem]:
    where = Where(str(folder / CONFIG))
    if config.get("peft_type") != "LORA":
        yield Problem(where, "lora", "is no LoRA", "set peft_type to LORA when training")
    rank = config.get("r")
    if type(rank) is not int or not 1 <= rank <= MAX_RANK:
        message = (
            f"r is {plain(repr(rank), 40)}, but servers take 1 to {MAX_RANK} unless told otherwise"
        )
        yield Problem(where, "rank", message, f"train with a rank of at most {MAX_RANK}")
    if config.get("bias", "none") != "none":
        yield Problem(where, "bias", "trains biases, which vLLM refuses", 'set bias to "none"')
    begun = str(config.get("init_lora_weights", "")).lower()
    if begun.startswith(DECOMPOSED):
        message = f"was begun with {begun[:20]!r}, which changes the base as well"
        hint = "save it with path_initial_model_for_weight_conversion, or begin with true"
        yield Problem(where, "initialisation", message, hint)
    named = config.get("base_model_name_or_path")
    if named not in names:
        message = f"names {plain(repr(named), MAX_QUOTED)} as its base"
        yield Problem(where, "base-name", message, f"it has to be {' or '.join(names)}")
    for key in sorted(config.keys() - READ - IDLE):
        if config[key]:
            fate = "refuses" if key in REFUSED else "drops without a word"
            hint = "train without it"
            message = f"sets {plain(repr(key), MAX_QUOTED)}, which vLLM {fate}"
            yield Problem(where, "unsupported", message, hint)


def _names(
    folder: Path, config: Mapping[str, Any], tensors: Sequence[Tensor], base: Base
) -> Iterator[Problem]:
    """Yield a problem for each kind of tensor that vLLM would refuse or ignore."""
    known = shapes(base.folder)
    targets = config.get("target_modules") or ()
    rank = config.get("r")
    strange, unknown, shaped, untargeted = [], [], [], []
    sides: dict[str, set[str]] = {}
    for tensor in tensors:
        match = _NAME.fullmatch(tensor.name)
        if not match or not tensor.known:
            strange.append(tensor.name)
            continue
        module, side = match["module"], match["side"]
        sides.setdefault(module, set()).add(side)
        full = known.get(f"{module}.weight", ())
        if len(full) != 2 or module.endswith(("embed_tokens", "lm_head")):
            unknown.append(tensor.name)
        elif tensor.shape != ((rank, full[1]) if side == "A" else (full[0], rank)):
            shaped.append(tensor.name)
        if isinstance(targets, list) and module.rpartition(".")[2] not in targets:
            untargeted.append(tensor.name)
    halves = [module for module, has in sides.items() if len(has) != 2]
    for names, rule, message, hint in (
        (strange, "tensor-name", "is no LoRA weight that vLLM reads", "train LoRA weights only"),
        (unknown, "module", f"fits no linear layer of {base.name}", "was it trained on this base?"),
        (shaped, "shape", f"has another shape than {base.name} and r ask for", "save it again"),
        (untargeted, "target", "is of no kind named in target_modules", "name it there"),
        (halves, "pair", "has only one of lora_A and lora_B", "save the adapter again"),
    ):
        yield from _grouped(folder, names, rule, message, hint)
    if not tensors:
        yield from _grouped(folder, ["it"], "empty", "holds no tensor", "train it first")


def _values(folder: Path, tensors: Sequence[Tensor]) -> Iterator[Problem]:
    known = [tensor for tensor in tensors if tensor.known]
    broken = [tensor.name for tensor in known if not tensor.finite]
    idle = [t.name for t in known if t.name.endswith("lora_B.weight") and t.zero]
    hint = "train again with a lower learning rate"
    yield from _grouped(folder, broken, "finite", "holds NaN or infinity", hint)
    hint = "train it: at its beginning every lora_B is zero"
    yield from _grouped(folder, idle, "zero", "is all zero, so that the base answers", hint)


def _grouped(
    folder: Path, names: Sequence[str], rule: str, message: str, hint: str
) -> Iterator[Problem]:
    """Yield one problem for all tensors that share it."""
    if names:
        others = f" (and so do {len(names) - 1} more)" if len(names) > 1 else ""
        where = Where(str(folder / WEIGHTS))
        yield Problem(where, rule, f"{plain(names[0], MAX_QUOTED)} {message}{others}", hint)
