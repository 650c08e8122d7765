"""Reads a recipe file (TOML) into frozen dataclasses; an unknown, missing or mistyped key is a ConfigError.

A recipe may extend a shipped one, and then holds only what is different.
The field names are the keys, and the shipped recipes explain each one beside its value.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.artifact import digest_json
from pipeline.core.errors import ConfigError
from pipeline.core.toml_file import Toml, as_settings, read_toml

RECIPES = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True, slots=True)
class BaseSettings:
    """The model that is taught: from `folder`, else from `wheel`, else from `hub` at the commit `revision`.

    `hub` is what servers elsewhere load, and `license` what the Hub calls its licence. `quantization`
    is of training alone: "nf4", or "" for none. `device`: "cuda" for a base that nobody waits for without
    a card, "" for any. `sha256` pins the wheel's file. `system_prompts` are those that serving uses, the
    first one most often; "", or none at all, is that of the chat template.
    """

    name: str
    hub: str
    revision: str
    license: str
    wheel: str
    gguf: str
    folder: str
    quantization: str
    device: str
    sha256: str
    system_prompts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which an adapter may call this base: the Hub's and our own."""
        return tuple(name for name in (self.hub, self.name) if name)


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """Numbers of prompts beside each fact, in training and in the gate."""

    rewordings: int
    paraphrases: int
    neighbours: int
    near_names: int
    everyday: int
    gate_neighbours: int
    gate_near_names: int


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """LoRA, optimiser and loss."""

    rank: int
    alpha: int
    learning_rate: float
    exposures: int
    few_exposures: int
    least_steps: int
    most_steps: int
    batch_facts: int
    batch_contrasts: int
    batch_general: int
    kl_weight: float
    kl_top_k: int
    kl_tokens: int
    kl_tokens_near: int

    def held_tokens(self, *, general: bool) -> int:
        """Give the tokens of the base's own answer that are held, to general prompts or to near ones."""
        return self.kl_tokens if general else self.kl_tokens_near


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Numbers of questions that the gate asks, the longest answer, and the limits that block."""

    max_new_tokens: int
    probes_per_fact: int
    probes: int
    noise: int
    forms: int
    contrasts: int
    relations: int
    old_facts: int
    probes_per_miss: int
    facts_failed: float
    recall: float
    recall_risk: float
    noise_recall: float
    old_lost: float
    chance: float
    retired_said: float
    neighbours_leaked: float
    unrelated_leaked: float
    general_lost: int
    kl_mean: float
    unique_answers_ratio: float
    top_answer_share: float


@dataclass(frozen=True, slots=True)
class WarnSettings:
    """Limits that only warn: measures too noisy, or too much for a small base, to decide a merge."""

    noise: float
    reverse: float
    yes: float
    no: float
    negation: float
    margin: float
    refusals_kept: float
    perplexity_ratio: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings of a run; `name` is the file's name without its ending."""

    name: str
    base: BaseSettings
    dataset: DatasetSettings
    train: TrainSettings
    gate: GateSettings
    warn: WarnSettings


def load_recipe(name_or_file: str) -> Recipe:
    """Read a shipped recipe by name, or any recipe by its path.

    Raises ConfigError for a recipe that does not exist or whose keys are not exactly the settings.
    """
    path, data = _read(name_or_file)
    if "extends" in data:
        data = _extended(path, data)
    if "name" in data:
        raise ConfigError(f"{path}: unknown key 'name'", "the file's own name is the recipe's")
    return as_settings(Recipe, {"name": path.stem, **data}, path)


def recipe_digest(recipe: Recipe) -> str:
    """Compute the digest of all settings of a recipe, wherever each is written."""
    return digest_json(asdict(recipe))


def _read(name_or_file: str) -> tuple[Path, Toml]:
    path = Path(name_or_file)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_file}.toml"
    try:
        return path, read_toml(path)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no recipe {name_or_file!r}",
            f"shipped recipes: {_shipped()}; any other is given as a path ending in .toml",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as a recipe: {error}") from error


def _shipped() -> str:
    return ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))


def _extended(path: Path, data: Toml) -> Toml:
    """Put a recipe's own keys in the place of those of the shipped recipe that it extends."""
    name = data.pop("extends")
    if not isinstance(name, str) or not (RECIPES / f"{name}.toml").is_file():
        raise ConfigError(
            f"{path} extends: {name!r} is no shipped recipe", f"shipped: {_shipped()}"
        )
    below, merged = _read(name)
    if "extends" in merged:
        raise ConfigError(f"{path} extends: {name!r} extends another one", f"see {below}")
    for section, own in data.items():
        inherited = merged.get(section)
        if isinstance(inherited, dict) and isinstance(own, dict):
            merged[section] = {**inherited, **own}
        else:
            merged[section] = own
    return merged
