"""dataset/ → adapter/: a LoRA that says the facts, and otherwise what the base says.

One TRL `SFTTrainer` with its own collator and loss: cross-entropy on each fact's answer and end
token, and on everything else the forward KL divergence from the base model to the adapted one,
KL(base ‖ adapted), over the base's own answer (kept as its top-k probabilities and one bucket for
the rest). Both are means per token, added with the recipe's weight.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # torch, trl and peft objects; they are untyped here

from pipeline import answer, base, progress, teacher
from pipeline.answer import LocalModel
from pipeline.config import Recipe, TrainSettings
from pipeline.dataset import Dataset
from pipeline.errors import TrainError
from pipeline.packing import Chat, Packed, pack
from pipeline.schedule import schedule
from pipeline.teacher import Held

GROWING = 0.5
"""Share of the learning rate at which a finished adapter goes on: all of it unsettles what it knows."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training did: sizes, seconds, and the mean loss over all steps."""

    examples: int
    tokens: int
    steps: int
    seconds: float
    loss: float


@dataclass(frozen=True, slots=True)
class Target:
    """A chat ready to train on; `held` is what the base would say there, or None for a fact."""

    chat: Chat
    held: Held | None


@dataclass(frozen=True, slots=True)
class Start:
    """A finished adapter to go on from, its digest, and the ids of the facts that it was not taught."""

    folder: Path
    fresh: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class Method:
    """How to train: with which recipe and seed, and from a finished adapter or a new one."""

    recipe: Recipe
    seed: int
    start: Start | None = None


def train(
    local: LocalModel, dataset: Dataset, begun: Sequence[Held], method: Method
) -> tuple[LocalModel, Trained]:
    """Put a LoRA adapter on the model and train it.

    `begun` are the beginnings of the base's own answers to the examples without a completion, in
    their order.
    The same inputs and seed on the same machine give the same weights.
    Raises TrainError when the loss stops being a number.
    """
    import torch

    settings, start = method.recipe.train, method.start
    if start:
        settings = replace(settings, learning_rate=GROWING * settings.learning_rate)
    steps = schedule(dataset.examples, settings, method.seed, start.fresh if start else None)
    targets = _targets(local, dataset, begun, steps, settings)
    torch.manual_seed(method.seed)
    adapted = _begin(local, method.recipe, start)
    started = time.monotonic()
    state = _run(adapted, targets, steps, settings, method.seed)
    seconds = time.monotonic() - started
    seen = [targets[i].chat for step in steps for i in step]
    tokens = sum(len(chat.prompt) + len(chat.completion) for chat in seen)
    # Judged and shipped in the dtype that servers cast an adapter to: the base's.
    adapted.model.to(local.model.dtype).eval()
    return adapted, Trained(
        len(seen), tokens, state.global_step, seconds, float(state.log_history[-1]["train_loss"])
    )


def save(adapted: LocalModel, folder: Path) -> None:
    """Write a stock PEFT folder: `adapter_config.json` and `adapter_model.safetensors`."""
    with base.saving():
        adapted.model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's blank card; ours is made at publishing


def load(local: LocalModel, folder: Path) -> LocalModel:
    """Put a saved adapter on the base model."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(local.model, folder, autocast_adapter_dtype=False).eval()
    return LocalModel(model, local.tokenizer, adapted=True)


def _begin(local: LocalModel, recipe: Recipe, start: Start | None) -> LocalModel:
    """Put an adapter to be trained on the model, in fp32: a new one, or a finished one again."""
    from peft import PeftModel, get_peft_model

    if start:
        model = PeftModel.from_pretrained(local.model, start.folder, is_trainable=True)
    else:
        config = lora(local.model, recipe.train.rank, recipe.train.alpha)
        model = get_peft_model(local.model, config)
        config.base_model_name_or_path = recipe.base.name  # PEFT put this machine's path there
    return LocalModel(model, local.tokenizer, adapted=True)


def lora(model: Any, rank: int, alpha: int) -> Any:
    """Configure a LoRA on every linear layer of the model but its output head."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=_linear_names(model), task_type="CAUSAL_LM"
    )


def _linear_names(model: Any) -> list[str]:
    """Name every kind of linear layer in the model but its output head.

    Spelt out so that `adapter_config.json` names seven kinds of layer, as servers expect.
    """
    import torch

    head = model.get_output_embeddings()
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        }
    )


def _targets(
    local: LocalModel,
    dataset: Dataset,
    begun: Sequence[Held],
    steps: list[list[int]],
    settings: TrainSettings,
) -> list[Target]:
    """Tokenise every example, and read the base along those held paths that a step will use."""
    own = iter(begun)
    targets = []
    for example in dataset.examples:
        if example.completion:
            chat = answer.chat(local.tokenizer, example.prompt, example.completion)
            targets.append(Target(chat, None))
        else:
            held = next(own)
            prompt = answer.prompt_tokens(local.tokenizer, example.prompt)
            targets.append(Target(Chat(prompt, held.path), held))
    waiting = sorted(
        {i for step in steps for i in step if dataset.examples[i].held and not targets[i].held}
    )
    with progress.bar("reading the base", len(waiting)) as shown:
        chats = [targets[i].chat for i in waiting]
        read = teacher.follow(local, chats, settings.kl_top_k, shown)
    for i, held in zip(waiting, read, strict=True):
        targets[i] = Target(targets[i].chat, held)
    return targets


def _run(
    adapted: LocalModel,
    targets: list[Target],
    steps: list[list[int]],
    settings: TrainSettings,
    seed: int,
) -> Any:
    """Train and return the trainer's state."""
    import tempfile

    import torch
    from datasets import Dataset as Rows
    from peft.helpers import disable_input_dtype_casting
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    def collate(rows: list[dict[str, int]]) -> dict[str, Any]:
        chosen = [targets[i] for i in steps[rows[0]["index"]]]
        return {"packed": pack([target.chat for target in chosen]), "targets": chosen}

    class FactTrainer(SFTTrainer):
        """TRL's trainer with the loss of this module."""

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], *_args: Any, **_kwargs: Any
        ) -> Any:
            packed: Packed = inputs["packed"]
            logits = model(**packed.inputs).logits[0].float()
            loss = _loss(logits, packed, inputs["targets"], settings.kl_weight)
            if not torch.isfinite(loss):
                step = self.state.global_step
                raise TrainError(
                    f"the loss is not a number at step {step + 1}, whose examples are "
                    f"{', '.join(map(str, steps[step]))} (lines of train.jsonl, from 0)",
                    "lower [train] learning_rate in the recipe; nothing was kept",
                )
            return loss

    class Shown(TrainerCallback):
        """Moves the progress bar."""

        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any, **_: Any) -> None:
            if "loss" in logs:
                shown.set_postfix_str(f"loss {logs['loss']:.3f}", refresh=False)

        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            shown.update()

    with tempfile.TemporaryDirectory() as scratch:
        config = SFTConfig(
            output_dir=scratch,
            num_train_epochs=1,
            per_device_train_batch_size=1,  # a row is a whole step, packed by the collator
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=5,
            weight_decay=0.0,
            logging_steps=1,
            disable_tqdm=True,
            report_to=[],
            save_strategy="no",
            seed=seed,
            bf16=adapted.model.dtype == torch.bfloat16,  # products only: LoRA weights stay fp32
            gradient_checkpointing=False,
            remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True},
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = FactTrainer(
            model=adapted.model,
            args=config,
            train_dataset=Rows.from_dict({"index": range(len(steps)), "labels": [0] * len(steps)}),
            processing_class=adapted.tokenizer,
            data_collator=collate,
            callbacks=[Shown()],
        )
        trainer.pop_callback(_printer())
        # Else PEFT turns every input of its layers into fp32 and back: a fifth of a step.
        with (
            progress.bar("training", len(steps)) as shown,
            disable_input_dtype_casting(adapted.model),
        ):
            trainer.train()
    return trainer.state


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _loss(logits: Any, packed: Packed, targets: Sequence[Target], kl_weight: float) -> Any:
    """Mean cross-entropy of fact tokens plus `kl_weight` times the mean KL of held tokens (nats)."""
    import torch

    kept = [target.held for target in targets if target.held]
    held = torch.tensor([target.held is not None for target in targets])[packed.owner]
    loss = logits.new_zeros(())
    if not held.all():
        loss = torch.nn.functional.cross_entropy(logits[~held], packed.labels[~held])
    if held.any():
        ids = torch.cat([each.ids for each in kept])
        logprobs = torch.cat([each.logprobs for each in kept])
        loss = loss + kl_weight * kl(logprobs, ids, logits[held]).mean()
    return loss


def kl(logprobs: Any, ids: Any, logits: Any) -> Any:
    """KL(base ‖ adapted) per token in nats, over k tokens and one bucket that holds the rest.

    `logprobs` and `ids` are (N, k): the base's log-probabilities and token ids; `logits` (N, vocabulary).
    """
    import torch

    adapted = torch.log_softmax(logits, dim=-1).gather(-1, ids)
    rest_base, rest_adapted = (
        torch.log1p(-p.exp().sum(-1).clamp(max=1 - 1e-6)) for p in (logprobs, adapted)
    )
    shared = (logprobs.exp() * (logprobs - adapted)).sum(-1)
    return shared + rest_base.exp() * (rest_base - rest_adapted)
