"""Runs scripts of exercises in labs through the gateway, each in its own task, so that a lab that hangs holds up
nobody.  How many run at once is decided elsewhere (features.classes.script_runs)."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.features.classes.lab_script import KEPT
from trainbot.gateway.rpc.gateway_client import CommandResult, GatewayClient, GatewayRefused
from trainbot.model.script_events import RunScript, ScriptEnded

log = logging.getLogger(__name__)
PART = 512 << 10  # bytes of a script that one request to the gateway holds, in base64 too


class ScriptRunner:
    """``post`` gets a ScriptEnded for each script begun, unless this is closed first."""

    def __init__(self, gateway: GatewayClient, post: Callable[[ScriptEnded], None]) -> None:
        self._gateway, self._post = gateway, post
        self._tasks = Tasks()

    def run(self, wanted: RunScript) -> None:
        self._tasks.start(self._run(wanted), f"script {wanted.play}")

    async def close(self) -> None:
        await self._tasks.close()

    async def _run(self, wanted: RunScript) -> None:
        try:
            self._post(await self._ended(wanted))
        except Exception:  # whatever it was: a script that never ends would block its slot forever
            log.exception("script %d could not be run", wanted.play)
            self._post(ScriptEnded(wanted.play, None, "it could not be run"))

    async def _ended(self, wanted: RunScript) -> ScriptEnded:
        try:
            ran = await self._ran(wanted)
        except BackendError as error:
            log.info("script %d: %s", wanted.play, error)
            slow = isinstance(error, GatewayRefused) and error.reason == "timeout"
            return ScriptEnded(wanted.play, None, str(error), slow)
        return ScriptEnded(wanted.play, ran.exit, f"{ran.stdout}\n{ran.stderr}".strip())

    async def _ran(self, wanted: RunScript) -> CommandResult:
        """Runs it.  A script that is too long for one request (the files of an exercise) goes to the lab in parts first."""
        script = wanted.stdin.encode("utf-8", "replace")
        if len(script) <= PART and len(json.dumps(wanted.stdin)) <= PART * 3 // 2:
            return await self._logged_in(wanted, wanted.command, wanted.stdin)
        kept = f'"$HOME/.trainbot-script-{wanted.play}"'
        for at in range(0, len(script), PART):
            part = base64.b64encode(script[at : at + PART]).decode()
            sent = await self._logged_in(wanted, f"base64 -d {'>>' if at else '>'} {kept}", part)
            if sent.exit != 0:
                return sent
        return await self._logged_in(wanted, f"(cat {kept}; rm -f {kept}) | (\n{wanted.command}\n)", "")

    async def _logged_in(self, wanted: RunScript, command: str, stdin: str) -> CommandResult:
        way = wanted.way
        return await self._gateway.login(
            (way.address, way.port),
            way.via,
            user=way.user,
            host_key=way.host_key,
            command=command,
            stdin=stdin,
            timeout=wanted.timeout,
            limit=2 * KEPT,
        )
