"""Which image can stand in for one that is not here, so that an exercise's scripts run at all.  Pure.

Source of the names: ``imageid`` of public Katacoda/Killercoda scenarios (``ubuntu``, ``ubuntu-4GB``, ``centos8``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from trainbot.model.exercise import Exercise

_RHEL = ("centos", "almalinux", "alma", "rocky", "rockylinux", "rhel", "redhat")
#: Distribution -> others whose images can stand in for its own, the best first.
_FITS = {"ubuntu": ("debian",), **dict.fromkeys(_RHEL, _RHEL)}


def stand_in(image: str, here: Collection[str]) -> str:
    """The image of those ``here`` that fits best: of the same distribution, or of a similar one; '' if none does."""
    distribution = _distribution(image)
    for wanted in (distribution, *_FITS.get(distribution, ())) if distribution else ():
        if found := sorted(other for other in here if _distribution(other) == wanted):
            return found[0]
    return ""


def placed(exercise: Exercise, here: Collection[str]) -> Exercise:
    """The exercise with an image that is here, if one fits, and with the first of its second images that is."""
    image = "" if not exercise.image or exercise.image in here else stand_in(exercise.image, here)
    found = replace(exercise, image=image, written_for=exercise.image) if image else exercise
    second = _second(found, here)
    return found if second == found.second_image else replace(found, second_image=second)


def _second(exercise: Exercise, here: Collection[str]) -> str:
    names = (name if name in here else stand_in(name, here) for name in exercise.second_choices)
    second = next((name for name in names if name not in ("", exercise.image)), exercise.second_image)
    return second if second != exercise.image else ""


def _distribution(image: str) -> str:
    """The letters that its name begins with."""
    found = re.match(r"[a-z]+", image.lower())
    return found[0] if found else ""
