"""The training loop: TRL's `SFTTrainer` with our batches and loss, that goes on where it was killed."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # torch, trl and transformers objects; they are untyped here

from pipeline import base, progress
from pipeline.answer import LocalModel
from pipeline.config import TrainSettings
from pipeline.errors import TrainError
from pipeline.loss import Target, loss
from pipeline.packing import Packed, pack

KEPT_EVERY = 100
"""Steps between two checkpoints: about a minute of work on two cores."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained on: targets, the steps as indices of them, settings and seed.

    `checkpoints` is a folder of this work alone: what lies in there was trained on just this.
    """

    targets: Sequence[Target]
    steps: Sequence[Sequence[int]]
    settings: TrainSettings
    seed: int
    checkpoints: Path


@dataclass(frozen=True, slots=True)
class Ran:
    """How many steps were done, how many of them by an earlier process, and the mean loss of all."""

    steps: int
    resumed: int
    loss: float


def run(adapted: LocalModel, work: Work) -> Ran:
    """Train the adapter, from the last whole checkpoint where there is one; checkpoints are kept.

    Raises TrainError when the loss stops being a number.
    """
    import torch
    from datasets import Dataset as Rows
    from peft.helpers import disable_input_dtype_casting
    from transformers.trainer_callback import PrinterCallback, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    def collate(rows: list[dict[str, int]]) -> dict[str, Any]:
        step = work.steps[rows[0]["index"]]
        chosen = [work.targets[i] for i in step]
        return {"packed": pack([t.chat for t in chosen]), "targets": chosen, "examples": step}

    class FactTrainer(SFTTrainer):
        """TRL's trainer with our loss."""

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], *_args: Any, **_kwargs: Any
        ) -> Any:
            packed: Packed = inputs["packed"]
            logits = model(**packed.inputs).logits[0].float()
            found = loss(logits, packed, inputs["targets"], work.settings.kl_weight)
            if not torch.isfinite(found):
                raise TrainError(
                    f"the loss is not a number at step {self.state.global_step + 1}, whose examples "
                    f"are {', '.join(map(str, inputs['examples']))} (lines of train.jsonl, from 0)",
                    "lower [train] learning_rate in the recipe; nothing was kept",
                )
            return found

    class Shown(TrainerCallback):
        """Moves the progress bar."""

        def on_train_begin(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            shown.update(state.global_step)

        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any, **_: Any) -> None:
            if "loss" in logs:
                shown.set_postfix_str(f"loss {logs['loss']:.3f}", refresh=False)

        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            shown.update()

    count = len(work.steps)
    config = SFTConfig(
        output_dir=str(work.checkpoints),
        num_train_epochs=1,
        per_device_train_batch_size=1,  # a row is a whole step, packed by the collator
        learning_rate=work.settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=5,
        weight_decay=0.0,
        logging_steps=1,
        disable_tqdm=True,
        report_to=[],
        save_steps=KEPT_EVERY,
        save_total_limit=2,  # the newer one may be cut off
        seed=work.seed,
        bf16=adapted.model.dtype == torch.bfloat16,  # products only: LoRA weights stay fp32
        gradient_checkpointing=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = FactTrainer(
        model=adapted.model,
        args=config,
        train_dataset=Rows.from_dict({"index": range(count), "labels": [0] * count}),
        processing_class=adapted.tokenizer,
        data_collator=collate,
        callbacks=[Shown()],
    )
    trainer.pop_callback(PrinterCallback)
    last = _last_whole(work.checkpoints)
    # Else PEFT turns every input of its layers into fp32 and back: a fifth of a step.
    with (
        progress.bar("training", count) as shown,
        disable_input_dtype_casting(adapted.model),
        base.saving(),
    ):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    return Ran(trainer.state.global_step, _number(last) if last else 0, statistics.fmean(losses))


def _last_whole(checkpoints: Path) -> Path | None:
    """Find the newest checkpoint that was written to its end; one that was cut off is removed.

    Its state is the last of its files that the trainer writes.
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
