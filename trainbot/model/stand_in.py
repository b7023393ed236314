"""Which image can stand in for one that is not here, so that an exercise's scripts run at all.  Pure.

Source of the names: ``imageid`` of public Katacoda/Killercoda scenarios (``ubuntu``, ``ubuntu-4GB``, ``ubuntu:2004``, ``centos8``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from trainbot.model.exercise import Exercise

_RHEL = ("centos", "almalinux", "rocky", "rhel")
#: Distribution -> others whose images can stand in for its own, the best first.
_FITS = {"ubuntu": ("debian",), **dict.fromkeys(_RHEL, _RHEL)}
_SAME = {"alma": "almalinux", "rockylinux": "rocky", "redhat": "rhel"}
_NAMED = {
    "bullseye": ("debian", "11"),
    "bookworm": ("debian", "12"),
    "trixie": ("debian", "13"),
    "focal": ("ubuntu", "2004"),
    "jammy": ("ubuntu", "2204"),
    "noble": ("ubuntu", "2404"),
}
#: What an image is that has the name of its distribution alone: the release of our recipe, or of the catalog.
_RELEASE = {"debian": "12", "ubuntu": "2404", "centos": "9", "almalinux": "9", "rocky": "9", "rhel": "9"}
_NUMBER = re.compile(r"(?<!\d)(\d{1,2})(?:[._-]?(\d{2}))?(?![a-z0-9])")  # 4gb is none


def stand_in(image: str, here: Collection[str]) -> str:
    """The image of those ``here`` that fits best: of the same distribution and release, of a similar one (whose releases have the same
    numbers in the case of RHEL's family), or of another release; '' if none does."""
    distribution, release = _read(image)
    wanted = list(dict.fromkeys((distribution, *_FITS.get(distribution, ()))))
    fits = []
    for other in sorted(here):
        name, its = _read(other)
        if not name or name not in wanted:
            continue
        alike = name == distribution or distribution in _RHEL
        differs, place = its != (release if alike else _RELEASE.get(name, "")), wanted.index(name)
        fits.append(((differs, place) if alike and distribution in _RHEL else (place, differs), other))
    return min(fits)[1] if fits else ""


def same_release(image: str, names: Collection[str]) -> str:
    """The one of these ``names`` that is the same release of the same distribution; '' if none is."""
    return next((name for name in sorted(names) if _read(name) == _read(image) != ("", "")), "")


def placed(exercise: Exercise, here: Collection[str]) -> Exercise:
    """The exercise with an image that is here, if one fits, and with the first of its second images that is."""
    image = "" if not exercise.image or exercise.image in here else stand_in(exercise.image, here)
    found = exercise
    if image:
        found = replace(
            exercise, image=image, written_for="" if same_release(exercise.image, [image]) else exercise.image
        )
    second = _second(found, here)
    return found if second == found.second_image else replace(found, second_image=second)


def _second(exercise: Exercise, here: Collection[str]) -> str:
    names = (name if name in here else stand_in(name, here) for name in exercise.second_choices)
    second = next((name for name in names if name not in ("", exercise.image)), exercise.second_image)
    return second if second != exercise.image else ""


def _read(image: str) -> tuple[str, str]:
    """The distribution and the release that a name means."""
    distribution, release = named_release(image)
    return distribution, release or _RELEASE.get(distribution, "")


def named_release(image: str) -> tuple[str, str]:
    """The distribution and the release that a name says: the letters that it begins with and a number ('': it has none), or a
    release's own name."""
    name = image.lower()
    if named := next((_NAMED[word] for word in re.findall(r"[a-z]+", name) if word in _NAMED), None):
        return named
    found, number = re.match(r"[a-z]+", name), _NUMBER.search(name)
    distribution = _SAME.get(found[0], found[0]) if found else ""
    if number is None:
        return distribution, ""
    return distribution, number[1] + (number[2] or "" if distribution == "ubuntu" else "")
