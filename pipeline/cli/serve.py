"""The verbs of the live side: `facts serve`, `deploy`, `rollback`, `status`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any  # plain data of an answer

from pipeline.cli.options import FAILED, FINE, Verb
from pipeline.core.arguments import given
from pipeline.core.errors import ConfigError
from serve.say import give, give_json, say

if TYPE_CHECKING:
    from serve.rollout.desired import Desired
    from serve.settings import Settings


def add_serve_verbs(verb: Verb) -> None:
    """Add the verbs."""
    serve = verb(
        "serve", _serve, "run the gateway and vLLM until SIGTERM, and put right what breaks",
        "Restarted servers get their adapters back; a deploy that was cut off is finished.",
    )  # fmt: skip
    deploy = verb(
        "deploy", _deploy, "load an adapter beside the live one, prove it there, and move traffic",
        "Goes back by itself when anything is wrong. The exit code says whether it is live.",
    )  # fmt: skip
    deploy.add_argument(
        "source", nargs="?", type=given, metavar="DIR|HUB_REF",
        help="what `facts learn` left (default: build), or a release on the Hub",
    )  # fmt: skip
    deploy.add_argument(
        "--again", action="store_true",
        help="try an adapter that was quarantined once more, or one that is held back now",
    )  # fmt: skip
    deploy.add_argument(
        "--watch", action="store_true",
        help="deploy what the file of [watch] in git desires, again and again, and heal servers",
    )  # fmt: skip
    rollback = verb(
        "rollback", _rollback, "go back to the adapter before, at once",
        "The adapter that was live is quarantined, unless --not-its-fault says what was to blame.",
    )  # fmt: skip
    rollback.add_argument(
        "--not-its-fault", metavar="REASON",
        help="do not quarantine the adapter that was live: it is fit to be deployed again",
    )  # fmt: skip
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
    for parser in (serve, deploy, rollback, status):
        parser.add_argument(
            "--config", type=Path, metavar="FILE",
            help="a serve.toml (default: ./serve.toml, else the shipped one)",
        )  # fmt: skip


def _serve(args: argparse.Namespace) -> int:
    from serve import exposure, settings, supervise
    from serve.state import ownership

    config = settings.load_settings(args.config)
    exposure.require_key(config)
    ownership.claim(config.state)  # nothing is written there before
    settings.make_key(config)
    site = settings.site(config)
    for line in exposure.open_doors(config):
        say(f"warning: {line}")
    supervise.serve(config, site)
    return FINE


def _deploy(args: argparse.Namespace) -> int:
    from serve import settings
    from serve.rollout import reconcile
    from serve.rollout.desired import Desired
    from serve.state import alias

    config = settings.load_settings(args.config)
    if args.watch:
        if args.source or args.again:
            raise ConfigError(
                "--watch takes its source from git", "see [watch] in serve.toml, or leave it out"
            )
        reconcile.watch(config.watch, lambda wanted: _ask(config, wanted))
        return FINE
    done = _ask(config, Desired(args.source or "build", ""), again=args.again)
    if done["state"] == "committed":
        give(alias.short(f"{config.gateway.alias} is now {done['adapter']}"))
        return FINE
    say(alias.short(f"{done['adapter']} is not live: {done['reason']}"))
    if done["again_at"]:
        say(f"hint: it is held back; try again at {done['again_at']}")
    return FAILED


def _ask(config: Settings, wanted: Desired, *, again: bool = False) -> dict[str, Any]:
    """Have the running service deploy; an empty digest of `wanted` pins nothing."""
    from serve.admin import client
    from serve.rollout import sources

    return client.ask_service(
        config.socket, "deploy", source=sources.name_source(wanted.adapter), digest=wanted.digest,
        release=wanted.release, again=again,
    )  # fmt: skip


def _rollback(args: argparse.Namespace) -> int:
    from serve import settings
    from serve.admin import client
    from serve.state import alias

    blamed = (args.not_its_fault or "").strip()
    if args.not_its_fault is not None and not blamed:
        raise ConfigError("--not-its-fault: is empty", "say in a sentence what was to blame")
    config = settings.load_settings(args.config)
    done = client.ask_service(config.socket, "rollback", not_its_fault=blamed)
    give(alias.short(f"{config.gateway.alias} is now {done['live']}"))
    return FINE


def _status(args: argparse.Namespace) -> int:
    from pipeline.core import artifact
    from serve import exposure, settings, status
    from serve.admin import client
    from serve.rollout import desired
    from serve.state import adapters, alias

    config = settings.load_settings(args.config)
    watch = config.watch
    wanted = status.desired_text(
        lambda: desired.read_desired(Path(watch.repository), watch.revision, watch.file)
    )
    try:
        data = client.ask_service(config.socket, "status") | {"desired": wanted}
    except client.AwayError as error:
        say(f"{error.message}: read from {config.state} instead")
        data = status.gather(
            config.state, settings.engines(config), config.gateway.alias, wanted, config.signer
        ) | {"warnings": list(exposure.open_doors(config))}
    if args.json:
        give_json(data)
    else:
        give(status.status_as_text(data))
    live = alias.read_alias(config.state).table.adapter
    if args.report and live:
        artifact.write_bytes(args.report, adapters.report_file(live).read_bytes())
    wrong = status.drift(data) if args.check else []
    for line in wrong:
        say(alias.short(f"drift: {line}"))
    return FAILED if wrong else FINE
