"""Defines the verbs of a release: `facts check-adapter`, `facts publish` and `facts pull`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.options import Verb, facts_option, recipe_option
from pipeline.core import lock
from pipeline.core.arguments import given
from pipeline.core.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.publishing.upload import Published

RECORD = "published.json"
LAST = "the one last published"
"""`--promote` without a revision; no revision can be called so."""


def add_publish_verbs(verb: Verb) -> None:
    """Add the verbs."""
    _add_check_adapter(verb)
    _add_publish(verb)
    _add_pull(verb)


def _add_check_adapter(verb: Verb) -> None:
    check = verb(
        "check-adapter", _check, "say whether a stock vLLM can use an adapter",
        "Looks at what vLLM refuses and at what it drops without a word; then loads the adapter into "
        "the vLLM of `make serve-env`, where there is one, and asks it and the base the same.",
    )  # fmt: skip
    check.add_argument("adapter", type=Path, metavar="DIR", help="a PEFT folder, or a release")
    check.add_argument(
        "--ask", type=given, metavar="QUESTION",
        help="what to ask (default: the first fact of the release or of the dataset beside it)",
    )  # fmt: skip
    check.add_argument("--quick", action="store_true", help="do not start vLLM")
    check.add_argument("--json", action="store_true", help="print the problems as JSON")
    recipe_option(check)


def _add_publish(verb: Verb) -> None:
    publish = verb(
        "publish", _publish, "put an adapter that passed its gate on the Hugging Face Hub",
        "Goes to the branch `candidate`, with a tag for the commit of the facts. Prints what "
        "`facts pull` and `facts deploy` take. May be run again at any time.",
    )  # fmt: skip
    publish.add_argument("--to", type=given, metavar="ORG/NAME",
                         help="repository on the Hub, which must exist")  # fmt: skip
    publish.add_argument(
        "--promote", nargs="?", const=LAST, type=given, metavar="REVISION",
        help="instead: make a published release main (default: the one last published from OUT); "
        "only for one that was verified live",
    )  # fmt: skip
    publish.add_argument(
        "--live", type=given, metavar="DIGEST",
        help="with --promote: refuse a release whose adapter is not this one, which is live now "
        "(`facts status --json` tells it)",
    )  # fmt: skip
    publish.add_argument(
        "--made", type=given, metavar="DIGEST",
        help="with --promote: refuse a release that was made from other facts, recipe or code "
        "(`facts ci digest` tells a commit's)",
    )  # fmt: skip
    facts_option(publish)
    publish.add_argument("--out", type=Path, default=Path("build"), metavar="DIR",
                         help="output folder of `facts learn` (default: build)")  # fmt: skip
    recipe_option(publish)


def _add_pull(verb: Verb) -> None:
    pull = verb(
        "pull", _pull, "fetch a release from the Hub, check every byte, say how to load it",
        "Prints its folder, which never changes afterwards.",
    )  # fmt: skip
    pull.add_argument("ref", metavar="ORG/NAME[@REVISION]", help="default revision: main")
    pull.add_argument("--into", type=Path, default=Path("adapters"), metavar="DIR",
                      help="where its folder goes (default: adapters)")  # fmt: skip
    trust = pull.add_mutually_exclusive_group()
    trust.add_argument(
        "--key", type=given, metavar="FILE", help="public key that must have signed it"
    )
    trust.add_argument("--identity", type=given, metavar="URL",
                       help="workflow on GitHub that must have signed it")  # fmt: skip


def _check(args: argparse.Namespace) -> int:
    from pipeline.core import config, problems
    from pipeline.models import base_model, compatibility

    settings = config.load_recipe(args.recipe).base
    on = base_model.find_base(settings)
    found = compatibility.compatibility_problems(args.adapter, on, settings.names)
    tried = None
    question = args.ask or _question(args.adapter)
    if not found and question and not args.quick:
        from serve import temporary_engine

        with lock.gpu():
            tried = temporary_engine.try_adapter(args.adapter.resolve(), on, question)
    if tried is None:
        print("not tried in vLLM", file=sys.stderr)
    found += tried or ()
    well = "a stock vLLM can use it"
    print(problems.as_json(found) if args.json else problems.as_text(found) or well)
    return 1 if found else 0


def _question(adapter: Path) -> str:
    """Give a question about a fact that the adapter was taught; empty where nothing tells one."""
    from pipeline.core.errors import PipelineError
    from pipeline.dataset import records
    from pipeline.publishing import contents

    if (adapter / contents.FACTS).exists():
        return contents.read_facts(adapter)[0].question
    try:
        return records.load_dataset(adapter.parent / "dataset").facts[0].question
    except (OSError, PipelineError):
        return ""


def _publish(args: argparse.Namespace) -> int:
    from pipeline.core import artifact, config
    from pipeline.core.json_file import as_json
    from pipeline.models import base_model
    from pipeline.publishing import commit, hub, provenance, release, upload

    record = args.out / RECORD
    last = _last_published(record)
    name = args.to or (last.repo if last else "")
    if not name:
        raise ConfigError("no repository was given", "name it with --to ORGANISATION/NAME")
    repo = hub.connect(name, write=True)
    if args.promote is not None:
        revision = args.promote
        if revision == LAST:
            revision = last.commit if last and name == last.repo else ""
        if not revision:
            raise ConfigError(f"{record}: names no release", "give the commit: --promote COMMIT")
        if args.live is None:
            print("not compared with what is live: give --live DIGEST", file=sys.stderr)
        found = hub.retry(lambda: hub.resolve_revision(repo, revision))
        promoted = upload.promote(repo, found, args.live, args.made)
        print(f"{repo.id}@{promoted}")
        return 0
    recipe = config.load_recipe(args.recipe)
    on = base_model.find_base(recipe.base)
    source = commit.checked_out(args.facts, args.out)
    run = provenance.read_run(args.out, args.facts, recipe, on)
    made = release.make_release(run, repo.id, source, on)
    signed = "signed" if made.signed else "not signed: no key and no identity to sign with"
    print(f"release    {made.folder}, {signed}", file=sys.stderr)
    print(f"digest     {made.digest}", file=sys.stderr)
    print(f"adapter    {made.adapter}", file=sys.stderr)
    done = upload.publish(made, repo, f"facts-{source.id}")
    artifact.write_text(record, as_json(done))
    print(f"published  {done.tag}, on the branch {upload.CANDIDATE}", file=sys.stderr)
    print(f"{done.repo}@{done.commit}")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from pipeline.models import identity
    from pipeline.publishing import contents, download, model_card, signing

    trust = signing.Trust(args.key and Path(args.key), args.identity or "")
    folder = download.pull(args.ref, args.into, trust).resolve()
    if (folder / signing.SIGNATURE).exists() and not (args.key or args.identity):
        print("signed, but by whom was not checked: give --key or --identity", file=sys.stderr)
    base, question = identity.read_identity(folder), contents.read_facts(folder)[0].question
    lines = model_card.loading(str(folder), base.hub, question)
    print("every file is as it was published; to load it:", *lines, sep="\n", file=sys.stderr)
    print(folder)
    return 0


def _last_published(record: Path) -> Published | None:
    from pipeline.core.json_file import read_json
    from pipeline.publishing.upload import Published

    try:
        return read_json(Published, record.read_bytes(), more=True)
    except (OSError, ValueError):
        return None
