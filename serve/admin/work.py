"""Does the work that is asked at the admin socket of `facts serve`, which alone writes the state."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any  # plain data of a request and its answer

from serve import exposure, settings, status
from serve.rollout import deploy, reconcile, sources
from serve.rollout.deploy import BusyError
from serve.rollout.desired import Desired
from serve.settings import Settings
from serve.site import Site
from serve.state import alias
from serve.state.journal import JournalEntry


class Worker:
    """Performs requests, one deploy or rollback at a time."""

    def __init__(self, own: Settings, site: Site) -> None:
        self._settings, self._site = own, site
        self._busy = threading.Lock()

    def perform(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a parsed request asks for, and give the plain data of its answer.

        Raises BusyError while another one is at work, and the errors of fetching and deploying.
        """
        if request["verb"] == "status":
            engines = settings.engines(self._settings)
            name, signer = self._site.door.alias, self._settings.signer
            told = status.gather(self._site.state, engines, name, "", signer)
            return told | {"warnings": list(exposure.open_doors(self._settings))}
        if not self._busy.acquire(blocking=False):
            raise BusyError(
                "another deploy is running", "wait for it; `facts status` shows how far it is"
            )
        try:
            deploying = request["verb"] == "deploy"
            return self._deploy(request) if deploying else self._rollback(request)
        finally:
            self._busy.release()

    def _deploy(self, request: dict[str, Any]) -> dict[str, Any]:
        source, digest = request["source"], request["digest"]
        if digest:
            wanted = Desired(source, digest, request["release"])
            return _told(reconcile.reconcile(self._site, wanted, self._fetch))
        return _told(deploy.deploy(self._site, self._fetch(source), again=request["again"]))

    def _rollback(self, request: dict[str, Any]) -> dict[str, Any]:
        deploy.rollback(self._site, not_its_fault=request["not_its_fault"])
        live = alias.read_alias(self._site.state).table.adapter
        return {"live": live.name if live else "nothing"}

    def _fetch(self, source: str) -> Path:
        return sources.local(source, self._site.state)


def _told(done: JournalEntry | None) -> dict[str, Any]:
    """Write how a deploy ended; its state is empty when there was nothing to do."""
    if done is None:
        return {"state": "", "adapter": "", "reason": "", "again_at": ""}
    return {
        "state": done.state,
        "adapter": done.adapter.name,
        "reason": done.reason,
        "again_at": done.again_at,
    }
