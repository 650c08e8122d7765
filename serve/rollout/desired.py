"""Reads the desired state from a file in git: an adapter's source and digest.

The file is read as committed at a revision, never from a checkout, so that an edit on the server or a
half-done merge changes nothing.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import git, json_file
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.escape import plain
from serve.state.gate_report import assert_digest


@dataclass(frozen=True, slots=True)
class Desired:
    """The adapter that ought to be live: a folder or a Hub reference, and the digest it must have.

    `release` may pin the release as a whole, by the digest that `facts publish` tells; "" pins none.
    """

    adapter: str
    digest: str
    release: str = ""


def read_desired(repository: Path, revision: str, file: str) -> Desired:
    """Fetch the revision's remote, when it names one, and read the file as committed there.

    Raises PipelineError when git or the file is not in order.
    """
    remote, _, branch = revision.partition("/")
    if branch and remote in _git(repository, "remote").split():
        _git(repository, "fetch", "--quiet", "--end-of-options", remote, branch)
    where = f"{revision}:{file}"
    text = _git(repository, "show", "--end-of-options", where)
    try:
        data = tomllib.loads(text)
        desired = json_file.read_json(Desired, json.dumps(data))
        for digest in (desired.digest, data.get("release", desired.digest)):
            assert_digest(digest)
        if not desired.adapter.strip():
            raise ValueError("adapter: is empty")  # noqa: TRY301
    except (ValueError, TypeError, RecursionError) as error:
        raise PipelineError(
            f"{where}: does not say what to deploy",
            'it must hold two lines: adapter = "FOLDER or HUB_REF" and digest = "sha256:…"; a third may pin '
            'the whole release: release = "sha256:…"',
        ) from error
    return desired


def _git(repository: Path, *arguments: str) -> str:
    try:
        return git.run_git(repository, *arguments, hint="see [watch] in serve.toml").decode("utf-8")
    except UnicodeDecodeError as error:
        raise PipelineError(f"git {arguments[0]}: {error}", "the file must be UTF-8") from error
    except ConfigError as error:  # of the repository, now: whoever watches it asks again
        raise PipelineError(plain(error.message, 300), error.hint) from error
