"""The unix socket through which the gateway and shell commands speak to the running bot.

JSON lines (RFC 8259, UTF-8, one object a line).  A request is answered by one line; ``{"op": "subscribe",
"topic": T}`` turns the connection into a stream of ``{"topic": T, "value": …}``: the latest value, then each new one.
"""
