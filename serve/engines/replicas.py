"""Treats all engines behind the gateway as one: asks who is there, and loads what each must have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.core.errors import PipelineError
from serve.engines import api
from serve.engines.api import Engine, EngineAwayError, EngineRefusedError
from serve.engines.vllm_process import BASE
from serve.state import adapters
from serve.state.alias import Adapter


def answering(engines: Sequence[Engine]) -> tuple[Engine, ...]:
    """Give the engines that answer and are not dead."""
    with ThreadPoolExecutor(len(engines) or 1) as pool:
        there = list(pool.map(api.healthy, engines))
    return tuple(each for each, ok in zip(engines, there, strict=True) if ok)


def load_everywhere(engines: Sequence[Engine], adapter: Adapter) -> None:
    """Load an adapter on every engine given, and see that it lists it there, over its base.

    Raises PipelineError when the folder is gone or changed, EngineAwayError, or EngineRefusedError in
    vLLM's words.
    """
    adapters.verify_adapter(adapter)
    for each in engines:
        api.load_adapter(each, adapter.name, Path(adapter.folder))
        card = next(m for m in api.list_models(each) if m.id == adapter.name)
        if card.parent != BASE:
            raise EngineRefusedError(
                f"{each.url}: {adapter.name} lies over {card.parent!r}, not over {BASE!r}",
                "another base is served there than `facts serve` starts",
            )


def has(each: Engine, adapter: Adapter) -> bool:
    """Return whether an engine lists an adapter at its folder."""
    return any((m.id, m.root) == (adapter.name, adapter.folder) for m in api.list_models(each))


def heal(engines: Sequence[Engine], wanted: Sequence[Adapter]) -> Iterator[str]:
    """Load what a restarted engine has lost; yield a line for each thing done or not to be done."""
    for each in engines:
        try:
            listed = {served.id: served.root for served in api.list_models(each)}
        except EngineAwayError:
            continue  # it is looked at again when it is back
        except EngineRefusedError as error:
            yield error.message
            continue
        for adapter in wanted:
            if listed.get(adapter.name) == adapter.folder:
                continue
            try:
                load_everywhere([each], adapter)
            except PipelineError as error:
                yield f"{each.url}: cannot bring back {adapter.name}: {error.message}"
            else:
                yield f"{each.url}: brought back {adapter.name}"


def unload_everywhere(engines: Sequence[Engine], names: Sequence[str]) -> None:
    """Take names away from the engines that are there; one that is away loses them by itself."""
    for each in answering(engines):
        for name in names:
            api.unload_adapter(each, name)


def loaded(engines: Sequence[Engine], alias: str) -> set[str]:
    """Name the adapters of this alias that any engine has loaded; one that is away has none."""
    found: set[str] = set()
    for each in answering(engines):
        found |= {m.id for m in api.list_models(each) if m.id.startswith(f"{alias}@")}
    return found
