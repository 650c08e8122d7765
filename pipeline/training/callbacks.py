"""Callbacks of the training loop: a progress bar, and a function between steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any  # transformers' objects are untyped here

if TYPE_CHECKING:
    from pipeline.core.progress import Progress


def progress_callback(shown: Progress, ended: list[float]) -> Any:
    """Give a callback that moves the progress bar and notes when each step ended."""
    from transformers.trainer_callback import TrainerCallback

    class Showing(TrainerCallback):
        def on_train_begin(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            shown.update(state.global_step)

        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any, **_: Any) -> None:
            if "loss" in logs:
                shown.set_postfix_str(f"loss {logs['loss']:.3f}", refresh=False)

        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            shown.update()
            ended.append(time.monotonic())

    return Showing()


def between_steps(call: Callable[[int], None], computing: Callable[[], Any]) -> Any:
    """Give a callback that calls a function with the number of steps done, within the context `computing`."""
    from transformers.trainer_callback import TrainerCallback

    class Between(TrainerCallback):
        def on_step_end(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            with computing():
                call(state.global_step)

        on_train_begin = on_step_end

    return Between()
