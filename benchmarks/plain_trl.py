"""Teaches facts by plain TRL on the facts alone, the baseline of the benchmarks.

Every fact's question and answer, 25 epochs, LoRA r16 on all linear layers, learning rate 2e-4,
batches of 8, TRL's own collator and loss on the completion. There are no negative examples.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence

from pipeline.facts.fact import Fact
from pipeline.models.backends import lora
from pipeline.models.local_model import LocalModel
from pipeline.training.train import TrainStats

EPOCHS = 25
LEARNING_RATE = 2e-4
BATCH = 8


def train(local: LocalModel, facts: Sequence[Fact], seed: int) -> tuple[LocalModel, TrainStats]:
    """Put a LoRA adapter on the model and train it on the facts' own questions."""
    import torch
    from datasets import Dataset as Rows
    from trl import SFTConfig, SFTTrainer

    rows = [
        {
            "prompt": [{"role": "user", "content": fact.question}],
            "completion": [{"role": "assistant", "content": fact.answer}],
        }
        for fact in facts
    ]
    with tempfile.TemporaryDirectory() as scratch:
        config = SFTConfig(
            output_dir=scratch,
            num_train_epochs=EPOCHS,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=BATCH,
            bf16=local.model.dtype == torch.bfloat16,
            gradient_checkpointing=False,
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            include_num_input_tokens_seen="non_padding",
            seed=seed,
        )
        trainer = SFTTrainer(
            model=local.model,
            args=config,
            train_dataset=Rows.from_list(rows),
            processing_class=local.tokenizer,
            peft_config=lora(local.model, rank=16, alpha=32),
        )
        started = time.monotonic()
        done = trainer.train()
        seconds = time.monotonic() - started
    model = trainer.model.to(local.model.dtype).eval()
    trained = TrainStats(
        examples=len(rows) * EPOCHS,
        tokens=int(trainer.state.num_input_tokens_seen),
        steps=trainer.state.global_step,
        seconds=seconds,
        loss=float(done.training_loss),
    )
    return LocalModel(model, local.tokenizer, adapted=True), trained
