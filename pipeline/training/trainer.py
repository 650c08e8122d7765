"""Runs the training loop: TRL's `SFTTrainer` with our batches and loss; resumes after a kill."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any  # torch, trl and transformers objects; they are untyped here

from pipeline.core import progress
from pipeline.core.config import TrainSettings
from pipeline.core.errors import ConfigError, TrainError
from pipeline.models import base_model, processes
from pipeline.models.local_model import LocalModel
from pipeline.training.callbacks import between_steps, progress_callback
from pipeline.training.loss import Target, Tokens, loss, tokens
from pipeline.training.out_of_memory import Room

KEPT_EVERY = 100
"""Steps between two checkpoints: about a minute of work on two cores."""


@dataclass(frozen=True, slots=True)
class TrainerInput:
    """Targets, the steps as indices of them, settings and seed.

    `checkpoints` is a folder of this training alone. `between` is called with the number of steps done, at
    the beginning and after each step. It may replace steps after the next one, which is loaded already.
    With it steps run in their order, without it in one that the seed shuffles.
    """

    targets: Sequence[Target]
    steps: Sequence[Sequence[int]]
    settings: TrainSettings
    seed: int
    checkpoints: Path
    between: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class TrainerOutput:
    """The number of steps, those of an earlier process among them, and the mean loss of all.

    `step_seconds` is the median of the steps that this process did, 0 where it did fewer than two.
    """

    steps: int
    resumed: int
    loss: float
    step_seconds: float


def run_training(adapted: LocalModel, work: TrainerInput) -> TrainerOutput:
    """Train the adapter, from the last complete checkpoint where there is one; leave the checkpoints.

    Raises TrainError when the loss stops being a number or memory is too small, ConfigError for more
    processes than a step has examples.
    """
    from datasets import Dataset as Rows
    from peft.helpers import disable_input_dtype_casting
    from transformers.trainer_callback import PrinterCallback

    count, together = len(work.steps), _together(work)

    def collate(rows: list[dict[str, int]]) -> dict[str, Any]:
        number, share = divmod(rows[0]["index"], together)
        step = work.steps[number][share::together]
        chosen = [work.targets[i] for i in step]
        return {"targets": chosen, "examples": step}

    rows = count * together
    trainer = _trainer_class(adapted, work, together)(
        model=adapted.model,
        args=_config(work, adapted.model.dtype),
        train_dataset=Rows.from_dict({"index": range(rows), "labels": [0] * rows}),
        processing_class=adapted.tokenizer,
        data_collator=collate,
    )
    trainer.pop_callback(PrinterCallback)
    _widen(adapted.model)
    ended: list[float] = []
    last = _last_whole(work.checkpoints)
    # Else PEFT casts every input of its layers to fp32 and back: a fifth of a step.
    with (
        progress.bar("training", count) as shown,
        disable_input_dtype_casting(adapted.model),
        base_model.saving(),
    ):
        trainer.add_callback(progress_callback(shown, ended))
        if work.between:
            trainer.add_callback(between_steps(work.between, trainer.compute_loss_context_manager))
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    resumed = _number(last) if last else 0
    return TrainerOutput(
        trainer.state.global_step, resumed, statistics.fmean(losses), _median(ended)
    )


def _trainer_class(adapted: LocalModel, work: TrainerInput, together: int) -> Any:
    """Give TRL's trainer with our loss, and with steps that `together` processes share."""
    import torch
    from trl import SFTTrainer

    count = len(work.steps)
    room = Room(max(map(len, work.steps)), halving=together == 1)

    class FactTrainer(SFTTrainer):
        """A row of the data is one process's share of a step."""

        def _get_train_sampler(self, rows: Any = None) -> Any:
            if work.between:
                return range(count * together)
            if together == 1:
                return super()._get_train_sampler(rows)
            order = torch.randperm(count, generator=torch.Generator().manual_seed(work.seed))
            shares = torch.arange(together)
            return (order[:, None] * together + shares).flatten().tolist()

        def training_step(self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
            """Run the forward and backward pass of a step, in parts where it does not fit at once."""
            model.train()

            def forward(part: Sequence[Target], step: Tokens) -> Any:
                batch = adapted.batch([target.chat for target in part])
                with self.compute_loss_context_manager():
                    weight = work.settings.kl_weight
                    return loss(batch.logits(model), batch, part, weight, step)

            def go(size: int) -> Any:
                parts = _parts(inputs["targets"], size)
                return _back(forward, parts, self.accelerator.backward)

            step_loss = room.within(go, model.zero_grad)
            if not torch.isfinite(step_loss):
                raise TrainError(
                    f"the loss is not a number at step {self.state.global_step + 1}, whose examples "
                    f"are {', '.join(map(str, inputs['examples']))} (lines of train.jsonl, from 0)",
                    "lower [train] learning_rate in the recipe; nothing was kept",
                )
            return step_loss

    return FactTrainer


def _widen(model: Any) -> None:
    """Cast the adapter's weights back to fp32.

    TRL casts those on a quantised base to bf16: a CPU that cannot multiply it stops there, and elsewhere
    rounding removes the small changes of late steps.
    """
    for weights in model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.float()


def _median(ended: Sequence[float]) -> float:
    """Give the seconds of the median step from the times at which steps ended; 0 for fewer than two."""
    return statistics.median(b - a for a, b in pairwise(ended)) if len(ended) > 1 else 0.0


def _parts(targets: Sequence[Target], size: int) -> list[Sequence[Target]]:
    return [targets[start : start + size] for start in range(0, len(targets), size)]


def _back(
    forward: Callable[[Sequence[Target], Tokens], Any],
    parts: Sequence[Sequence[Target]],
    backward: Callable[[Any], None],
) -> Any:
    """Run the forward and backward pass of each part of a step; give the step's loss."""
    step = tokens([target for part in parts for target in part])
    total: Any = 0.0
    for part in parts:
        part_loss = forward(part, step)
        backward(part_loss)
        total = total + part_loss.detach()
    return total


def _together(work: TrainerInput) -> int:
    count = processes.count()
    if count > min(map(len, work.steps)):
        raise ConfigError(
            f"{count} processes cannot share steps of {min(map(len, work.steps))} examples",
            "start fewer, or raise [train] batch_facts, batch_contrasts and batch_general",
        )
    return count


def _config(work: TrainerInput, dtype: Any) -> Any:
    import torch
    from trl import SFTConfig

    return SFTConfig(
        output_dir=str(work.checkpoints),
        num_train_epochs=1,
        per_device_train_batch_size=1,  # a row of the data is a process's share of a step
        # TRL's own defaults, named because Unsloth silently sets others.
        gradient_accumulation_steps=1,
        optim="adamw_torch_fused",
        max_grad_norm=1.0,
        learning_rate=work.settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=5,
        weight_decay=0.0,
        logging_steps=1,
        disable_tqdm=True,
        report_to=[],
        save_steps=KEPT_EVERY,
        save_total_limit=2,  # the newer one may be incomplete
        seed=work.seed,
        bf16=dtype == torch.bfloat16,  # autocast: LoRA weights stay fp32
        gradient_checkpointing=False,  # `backends.adapt` decides
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        use_cpu=not torch.cuda.is_available(),
        ddp_find_unused_parameters=False,
    )


def _last_whole(checkpoints: Path) -> Path | None:
    """Find the newest complete checkpoint; remove incomplete ones.

    The trainer writes `trainer_state.json` last.
    """
    for folder in sorted(checkpoints.glob("checkpoint-*"), key=_number, reverse=True):
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            return folder
    return None


def _number(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])
