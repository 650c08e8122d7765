"""Reads `serve.toml` into frozen dataclasses, and makes of them the site that deploys work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any  # the tokenizer is untyped
from urllib.parse import urlsplit

from pipeline.core import config, direct_http, toml_file
from pipeline.core.direct_http import is_loopback
from pipeline.core.errors import ConfigError
from pipeline.models import base_model, generate, identity
from pipeline.models.base_model import Base
from pipeline.publishing.signing import ANYBODY, Trust
from serve.engines import engine_key
from serve.engines.api import Engine
from serve.engines.vllm_process import EngineSettings
from serve.gateway.public_client import GatewayClient
from serve.site import Site
from serve.state.adapters import UNSIGNED

SHIPPED = Path(__file__).parent / "serve.toml"
LOCAL = Path("serve.toml")
NOBODY = "nobody"
"""`[deploy] signer` where no signature is asked for."""
PUBLIC_KEY, ENGINE_KEY = "SCHOOLHOUSE_API_KEY", "SCHOOLHOUSE_ENGINE_KEY"


@dataclass(frozen=True, slots=True)
class GatewaySection:
    """The public door."""

    host: str
    port: int
    alias: str
    open: bool
    max_body_bytes: int
    connections: int
    connections_each: int

    @property
    def near(self) -> bool:
        """Return whether only this machine can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class EnginesSection:
    """The vLLM servers behind it."""

    recipe: str
    urls: tuple[str, ...]
    start: bool
    python: str
    dtype: str
    max_model_len: int
    max_loras: int
    cpu_cache_gib: int
    more: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeploySection:
    """The place of the state, who may ask for a deploy, and what a deploy demands."""

    state: str
    socket: str
    group: str
    soak_seconds: float
    answer_seconds: float
    signer: str


@dataclass(frozen=True, slots=True)
class WatchSection:
    """The desired state in git."""

    repository: str
    revision: str
    file: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `serve.toml`."""

    gateway: GatewaySection
    engines: EnginesSection
    deploy: DeploySection
    watch: WatchSection

    @property
    def state(self) -> Path:
        """The state folder, absolute: engines are told of it."""
        return Path(self.deploy.state).resolve()

    @property
    def socket(self) -> Path:
        """Socket at which `facts serve` is asked for a deploy."""
        return self.state / self.deploy.socket

    @property
    def trust(self) -> Trust:
        """The signer that a release must have: a workflow, the owner of a public key, or nobody."""
        signer = self.deploy.signer
        if signer == NOBODY:
            return ANYBODY
        identity = signer.startswith("https://")
        return Trust(identity=signer) if identity else Trust(key=Path(signer))

    @property
    def signer(self) -> str:
        """Say whose signature is asked for, as `facts status` shows it."""
        return self.deploy.signer if self.trust else UNSIGNED

    @property
    def engine(self) -> EngineSettings:
        """Settings with which an engine is started."""
        own = self.engines
        return EngineSettings(
            Path(own.python),
            own.dtype,
            own.max_model_len,
            own.max_loras,
            own.cpu_cache_gib,
            own.more,
        )


def load_settings(path: Path | None) -> Settings:
    """Read the file given, or `serve.toml` here, or the shipped one.

    Raises ConfigError with what is wrong in it.
    """
    path = path or (LOCAL if LOCAL.is_file() else SHIPPED)
    try:
        data = toml_file.read_toml(path)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    found = toml_file.as_settings(Settings, data, path)
    if not found.engines.urls:
        raise ConfigError(f"{path} [engines] urls: is empty", "name at least one server")
    for url in found.engines.urls:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
            raise ConfigError(f"{path} [engines] urls: {url!r} is not http://host:port")
        if found.engines.start and (parts.hostname != "127.0.0.1" or not parts.port):
            raise ConfigError(
                f"{path} [engines] urls: {url!r} cannot be started here",
                "vLLM is only started on loopback (http://127.0.0.1:PORT); for others: start = false",
            )
    _signer(path, found.trust)
    if found.engines.max_loras < 2:
        raise ConfigError(
            f"{path} [engines] max_loras: must be at least 2",
            "the live adapter and a new one have to be answered side by side",
        )
    return found


def _signer(path: Path, trust: Trust) -> None:
    """Refuse a signer that nobody can be: a check that is switched off has to be written so."""
    if trust.key and not trust.key.is_file():
        raise ConfigError(
            f"{path} [deploy] signer: {str(trust.key)!r} is no file",
            'name a PEM file with a public key, the https:// address of a workflow, or "nobody"',
        )


def engines(settings: Settings) -> tuple[Engine, ...]:
    """Give the engines with their key: from the environment, or the one made for those started here.

    Raises ConfigError where that cannot be read.
    """
    key = direct_http.key(ENGINE_KEY)
    if not key and settings.engines.start:
        key = engine_key.read_key(settings.state)
    return tuple(Engine(url.rstrip("/"), key) for url in settings.engines.urls)


def make_key(settings: Settings) -> None:
    """Make a key for engines that are started here and were given none; the state folder's owner does."""
    if settings.engines.start and not direct_http.key(ENGINE_KEY):
        engine_key.make_key(settings.state)


def door(settings: Settings) -> GatewayClient:
    """Give the gateway's address as seen from this machine, with its key from the environment."""
    own = settings.gateway
    host = "127.0.0.1" if own.host in {"0.0.0.0", "::"} else own.host  # noqa: S104  (compared only)
    return GatewayClient(f"http://{host}:{own.port}", own.alias, direct_http.key(PUBLIC_KEY))


def served(settings: Settings) -> Base:
    """Find the base that the engines serve. Raises ConfigError when it is not there."""
    return base_model.find_base(config.load_recipe(settings.engines.recipe).base)


def site(settings: Settings) -> Site:
    """Give the site. Raises ConfigError when the base is not there, or the engines' key cannot be read."""
    recipe = config.load_recipe(settings.engines.recipe)
    found = served(settings)
    return Site(
        state=settings.state,
        engines=engines(settings),
        door=door(settings),
        base=identity.identity_of(recipe.base, found),
        token_ids=_tokeniser(found),
        max_new_tokens=recipe.gate.max_new_tokens,
        soak_seconds=settings.deploy.soak_seconds,
        answer_seconds=settings.deploy.answer_seconds,
        trust=settings.trust,
    )


def _tokeniser(found: Base) -> Callable[[str], tuple[int, ...]]:
    """Give the function that tokenises a question as training does; it loads on first use."""

    @cache
    def loaded() -> Any:
        return base_model.load_tokenizer(found)

    return lambda question: generate.prompt_tokens(loaded(), question)
