"""Steps about a gate run: its digest, its artifact, its inputs, its base."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ci import step_files
from pipeline.core.errors import FactsError

if TYPE_CHECKING:
    from pipeline.core.code_digest import MadeFrom

RUN = Path("build/run")


def digest_step(env: Mapping[str, str]) -> int:
    """Output the digest of HEAD's facts, RECIPE and the running code, by which runs are named."""
    step_files.outputs(env, {"digest": _made_from(env).digest})
    return 0


def _made_from(env: Mapping[str, str]) -> MadeFrom:
    from pipeline.core import code_digest, config, git
    from pipeline.core.code_digest import MadeFrom
    from pipeline.facts import change

    checked = change.checked_at(Path(), git.resolve(Path(), env["HEAD"]))
    if any(problem.severity == "error" for problem in checked.problems):
        raise FactsError(checked.problems)
    recipe = config.recipe_digest(config.load_recipe(env["RECIPE"]))
    return MadeFrom(change.digest_by_subject(checked.subjects), recipe, code_digest.digest())


def adapter_step(env: Mapping[str, str]) -> int:
    """Output the gate run that kept the adapter for HEAD's facts; empty when it must be trained."""
    from pipeline.ci import artifacts, github

    made = artifacts.find_run(github.ask_github, env["GITHUB_REPOSITORY"], _made_from(env).digest)
    step_files.outputs(env, {"run": made})
    print(
        f"the adapter of run {made}" if made else "no run of the gate kept this adapter: making it"
    )
    return 0


def made_step(env: Mapping[str, str]) -> int:
    """Refuse a run in build/run that was made from other facts, another recipe or other code."""
    from pipeline.ci import artifacts

    artifacts.require_made_from(RUN, _made_from(env))
    return 0


def base_step(env: Mapping[str, str]) -> int:
    """Put the base of RECIPE into the cache, for a job without torch; print its folder."""
    from pipeline.core import config
    from pipeline.models import base_model

    print(base_model.find_base(config.load_recipe(env["RECIPE"]).base).folder)
    return 0
