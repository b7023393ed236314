"""Metrics in Prometheus's text format over HTTP: ``table`` names them, ``exposition`` writes them, ``server`` serves them."""
