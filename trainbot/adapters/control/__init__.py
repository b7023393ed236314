"""The unix socket through which the gateway and shell commands talk to the running bot.

JSON lines (RFC 8259, UTF-8, one object per line).  Each request gets one line as its answer; ``{"op": "subscribe",
"topic": T}`` turns the connection into a stream of ``{"topic": T, "value": …, "number": N}``: the latest value, then each
new one.  With ``"acknowledges": true`` the client answers each with ``{"took": N}`` once it has used it.
"""
