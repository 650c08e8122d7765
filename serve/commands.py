"""The verbs of the live side: `facts serve`, `deploy`, `rollback`, `status`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

FINE, FAILED = 0, 1

Verb = Callable[..., argparse.ArgumentParser]
"""`pipeline.__main__`'s function that adds a verb: name, what it runs, help text, more text."""


def add_verbs(verb: Verb) -> None:
    """Add the four verbs to the command's parser."""
    serve = verb(
        "serve", _serve, "run the gateway and vLLM until SIGTERM, and put right what breaks",
        "Restarted servers get their adapters back; a deploy that was cut off is finished.",
    )  # fmt: skip
    deploy = verb(
        "deploy", _deploy, "load an adapter beside the live one, prove it there, and move traffic",
        "Goes back by itself when anything is wrong. The exit code says whether it is live.",
    )  # fmt: skip
    deploy.add_argument(
        "source", nargs="?", metavar="DIR|HUB_REF",
        help="what `facts learn` left (default: build), or a release on the Hub",
    )  # fmt: skip
    deploy.add_argument(
        "--again", action="store_true", help="try an adapter that was quarantined once more"
    )
    deploy.add_argument(
        "--watch", action="store_true",
        help="deploy what the file of [watch] in git desires, again and again, and heal servers",
    )  # fmt: skip
    rollback = verb("rollback", _rollback, "go back to the adapter before, at once")
    status = verb("status", _status, "show what is live, desired, under way and quarantined")
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.add_argument(
        "--check", action="store_true",
        help="exit 1 unless every server has the live adapter, and it is the desired one",
    )  # fmt: skip
    status.add_argument(
        "--report", type=Path, metavar="FILE",
        help="also copy the gate's report of the live adapter there, if any is live",
    )  # fmt: skip
    for own in (serve, deploy, rollback, status):
        own.add_argument(
            "--config", type=Path, metavar="FILE",
            help="a serve.toml (default: ./serve.toml, else the shipped one)",
        )  # fmt: skip


def _serve(args: argparse.Namespace) -> int:
    from serve import settings, supervise

    found = settings.load(args.config)
    settings.require_key(found)
    site = settings.site(found)
    for line in settings.warnings(found):
        print(f"warning: {line}", file=sys.stderr)
    supervise.serve(found, site)
    return FINE


def _deploy(args: argparse.Namespace) -> int:
    from pipeline.errors import ConfigError
    from serve import deploy, settings, sources, watch

    found = settings.load(args.config)
    site = settings.site(found)
    if args.watch:
        if args.source or args.again:
            raise ConfigError(
                "--watch takes its source from git", "see [watch] in serve.toml, or leave it out"
            )
        watch.watch(site, found.watch, lambda text: sources.local(text, site.state))
        return FINE
    source = sources.local(args.source or "build", site.state)
    done = deploy.deploy(site, source, again=args.again)
    if done.state == "committed":
        print(f"{site.door.alias} is now {done.adapter.name}")
        return FINE
    print(f"{done.adapter.name} is not live: {done.reason}", file=sys.stderr)
    return FAILED


def _rollback(args: argparse.Namespace) -> int:
    from serve import alias, deploy, settings

    site = settings.site(settings.load(args.config))
    deploy.rollback(site)
    live = alias.read(site.state).table.adapter
    print(f"{site.door.alias} is now {live.name if live else 'nothing'}")
    return FINE


def _status(args: argparse.Namespace) -> int:
    from pipeline import manifest
    from serve import alias, desired, release, settings, status

    found = settings.load(args.config)
    own = found.watch
    wanted = status.desired_text(lambda: desired.read(Path(own.repository), own.revision, own.file))
    data = status.gather(found.state, settings.engines(found), found.gateway.alias, wanted)
    data["warnings"] = settings.warnings(found)
    print(json.dumps(data, indent=2, ensure_ascii=False) if args.json else status.as_text(data))
    live = alias.read(found.state).table.adapter
    if args.report and live:
        manifest.write_bytes(args.report, release.report_file(live).read_bytes())
    wrong = status.drift(data) if args.check else []
    for line in wrong:
        print(f"drift: {line}", file=sys.stderr)
    return FAILED if wrong else FINE
