"""What setup.cfg cannot say: the folders beside trainbot/ and the bot.ini that a wheel carries inside it, and its commit."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
CONTENT = ("migrations", "migrations.versions", "exercises", "schedules", "images")
inside = {f"trainbot.shipped.{name}": name.replace(".", "/") for name in CONTENT}


def write_commit(root: str) -> None:
    """Writes the commit of this checkout, if it is one, where ``trainbot --version`` looks."""
    path = Path(root) / "trainbot" / "shipped" / "COMMIT"
    commit = runpy.run_path(str(HERE / "trainbot" / "shipped" / "__init__.py"))["commit_of"](HERE)
    if commit and path.parent.is_dir():
        path.unlink(missing_ok=True)  # it may be a link to the checkout's
        path.write_text(commit + "\n")


class BuildPy(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            write_commit(self.build_lib)
            self.copy_file(str(HERE / "bot.ini"), str(Path(self.build_lib) / "trainbot" / "shipped" / "bot.ini"))


class Sdist(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        write_commit(base_dir)


setup(
    packages=[*find_packages(include=["trainbot", "trainbot.*"]), *inside],
    package_dir=inside,
    cmdclass={"build_py": BuildPy, "sdist": Sdist},
)
