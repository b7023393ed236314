"""Leases, pools, placement, reconciliation: policy only; the machines are behind ``trainbot.adapters.hosts``."""
