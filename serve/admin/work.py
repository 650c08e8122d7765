"""Does the work that is asked at the admin socket of `facts serve`, which alone writes the state."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from serve import exposure, settings, status
from serve.admin.protocol import Deployed, DeployRequest, Request, StatusRequest
from serve.rollout import deploy, reconcile, sources
from serve.rollout.deploy import BusyError
from serve.rollout.desired import Desired
from serve.settings import Settings
from serve.site import Site
from serve.state import alias
from serve.status import Status


class Worker:
    """Performs requests, one deploy or rollback at a time."""

    def __init__(self, own: Settings, site: Site) -> None:
        self._settings, self._site = own, site
        self._busy = threading.Lock()

    def perform(self, request: Request) -> Deployed | Status | str:
        """Do what a request asks for, and tell what was done; after a rollback, what is live.

        Raises BusyError while another one is at work, and the errors of fetching and deploying.
        """
        if isinstance(request, StatusRequest):
            engines = settings.engines(self._settings)
            name, signer = self._site.door.alias, self._settings.signer
            told = status.gather(self._site.state, engines, name, "", signer)
            return replace(told, warnings=exposure.open_doors(self._settings))
        if not self._busy.acquire(blocking=False):
            raise BusyError(
                "another deploy is running", "wait for it; `facts status` shows how far it is"
            )
        try:
            if isinstance(request, DeployRequest):
                return self._deploy(request)
            deploy.rollback(self._site, not_its_fault=request.not_its_fault)
        finally:
            self._busy.release()
        live = alias.read_alias(self._site.state).table.adapter
        return live.name if live else "nothing"

    def _deploy(self, asked: DeployRequest) -> Deployed:
        if asked.digest:
            wanted = Desired(asked.source, asked.digest, asked.release)
            done = reconcile.reconcile(self._site, wanted, self._fetch)
        else:
            done = deploy.deploy(self._site, self._fetch(asked.source), again=asked.again)
        return (
            Deployed(done.state, done.adapter.name, done.reason, done.again_at)
            if done
            else Deployed()
        )

    def _fetch(self, source: str) -> Path:
        return sources.local(source, self._site.state)
