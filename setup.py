"""What setup.cfg cannot say: the folders beside trainbot/ that a wheel carries inside it."""

from setuptools import find_packages, setup

CONTENT = ("migrations", "migrations.versions", "exercises", "schedules", "images")
inside = {f"trainbot.shipped.{name}": name.replace(".", "/") for name in CONTENT}
setup(packages=[*find_packages(include=["trainbot", "trainbot.*"]), *inside], package_dir=inside)
