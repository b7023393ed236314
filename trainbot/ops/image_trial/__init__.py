"""``trainbot image try``: boots a lab of an image on each host, looks at it, and reports.

It touches no lab of the bot's, which may be running: its labs belong to an owner of their own, and are removed in the end.
"""

from trainbot.ops.image_trial.runner import try_image, try_on_hosts

__all__ = ["try_image", "try_on_hosts"]
