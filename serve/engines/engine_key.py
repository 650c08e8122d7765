"""Makes and reads the key of the engines that `facts serve` starts; only its own account may read it.

A port on loopback is open to every account of the machine, and vLLM loads an adapter for whoever asks.
The key is kept as long as the state folder: a deployer that runs on while `facts serve` starts anew
goes on with it.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from pipeline.core.errors import ConfigError

FILE = "engine.key"
ELSEWHERE = "run as the account of `facts serve`, or set SCHOOLHOUSE_ENGINE_KEY for both"


def make_key(state: Path) -> None:
    """Write a key if there is none yet; of several at the same time one wins. Raises OSError."""
    state.mkdir(parents=True, exist_ok=True)
    new = state / f"{FILE}.{secrets.token_hex(8)}"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
        os.link(new, state / FILE)  # it appears whole, or not at all
    except FileExistsError:
        pass
    finally:
        new.unlink()


def read_key(state: Path) -> str:
    """Give the key; empty where none was made.

    Raises ConfigError when it belongs to another account, or others could read or change it.
    """
    path = state / FILE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", ELSEWHERE) from error
    with os.fdopen(handle) as file:
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
            raise ConfigError(
                f"{path}: others may read or change it", "remove it and start `facts serve` anew"
            )
        return file.read().strip()
