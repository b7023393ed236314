"""The template of the gateway's workers (gateway.template)."""

from __future__ import annotations

from trainbot.gateway.worker.process import main

main()
