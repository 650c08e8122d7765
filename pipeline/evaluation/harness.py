"""Runs tasks of the lm-evaluation-harness, where it is installed, on the base and on the adapted model.

The harness and its data belong to no recipe: a task is asked for by name and only told, since a few
hundred items cannot tell a lost point from chance (one point needs about 1,400).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.escape import plain
from pipeline.models.local_model import LocalModel

_Results = Mapping[str, Mapping[str, float | str]]
_NO_DATA = "its data must be on this machine; the harness fetches nothing here"


@dataclass(frozen=True, slots=True)
class Task:
    """A task's main metric for both models, and the standard error of the adapted one's."""

    name: str
    metric: str
    base: float
    adapted: float
    error: float


def compare(adapted: LocalModel, names: Sequence[str]) -> tuple[Task, ...]:
    """Run each task with and without the adapter, with the chat template.

    Raises ConfigError when the harness is not installed, PipelineError when it knows no such task or
    lacks the data.
    """
    try:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
    except ImportError as error:
        raise ConfigError(
            f"lm-evaluation-harness is not installed: {error.name}", "pip install lm-eval"
        ) from error
    model = HFLM(pretrained=adapted.model.get_base_model(), tokenizer=adapted.tokenizer)

    def run() -> _Results:
        # The harness may raise whatever its tasks and their data sets do.
        try:
            found: _Results = simple_evaluate(
                model=model, tasks=list(names), apply_chat_template=True, log_samples=False
            )["results"]
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError) as error:
            raise PipelineError(
                f"{', '.join(names)}: cannot be run: {plain(str(error), 200)}", _NO_DATA
            ) from error
        return found

    with adapted.base_only():
        before = run()
    after = run()
    return tuple(_task(name, before[name], after[name]) for name in names)


def _task(name: str, before: Mapping[str, float | str], after: Mapping[str, float | str]) -> Task:
    """Take the first metric that comes with a standard error: a task names its main one first."""
    for key, value in after.items():
        metric, _, filtered = key.partition(",")
        error = after.get(f"{metric}_stderr,{filtered}")
        if isinstance(value, float | int) and isinstance(error, float | int):
            return Task(name, metric, float(before[key]), float(value), float(error))
    raise PipelineError(f"{name}: gives no number with a standard error", "choose another task")
