"""Commands in a shell.  Arguments are read here and nothing else is done; heavy imports stay inside the commands."""

from __future__ import annotations

import json as json_module
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainbot import __version__

if TYPE_CHECKING:
    from trainbot.config import Config

config_option = click.option("-c", "--config", "path", type=click.Path(path_type=Path),
                             default=lambda: Path(os.environ.get("TRAINBOT_CONFIG", "bot.ini")),
                             help="bot.ini to use [default: $TRAINBOT_CONFIG, else ./bot.ini].")
number_type = click.IntRange(1, 2**31 - 1)  # what a row's number can be
json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


def read(path: Path) -> Config:
    from trainbot.config import load

    return load(path)


def show(value: Any, lines: list[str], as_json: bool) -> None:
    click.echo(json_module.dumps(value, ensure_ascii=False) if as_json else "\n".join(lines))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trainbot")
def cli() -> None:
    """Remote hands-on training on IRC: sessions, labs, exercises, questions."""


@cli.command()
@config_option
@click.option("-v", "--verbose", count=True, help="More of what happens; twice: every line of IRC.")
def run(path: Path, verbose: int) -> int | None:
    """Runs the bot until it is told to end (SIGTERM, or ^C)."""
    import asyncio

    from trainbot.app import run as run_app
    from trainbot.logs import log_to_stderr

    log_to_stderr(verbose)
    asyncio.run(run_app(read(path)))
    return 0


@cli.command()
@click.option("--tour", is_flag=True, help="No prompt: a whole class is played, and what did not happen is said.")
@click.option("--port", type=click.IntRange(0, 65535), default=6667, show_default=True,
              help="Where the demo's IRC server listens, on 127.0.0.1 (another one if it is taken).")
@click.option("--keep", is_flag=True, help="Keep the demo's folder (bot.ini, database, logs) when it ends.")
def demo(tour: bool, port: int, keep: bool) -> int:
    """A class on this machine: an IRC server, the bot, real virtual machines, and a prompt to take part."""
    from trainbot.demo.run import demo as run_demo

    return run_demo(tour=tour, port=port, keep=keep)


@cli.command()
@config_option
def check(path: Path) -> int:
    """Says what the bot would do with this bot.ini, and what is wrong in its files; asks nobody else."""
    from trainbot.checkup import checkup

    return checkup(read(path), click.echo)


@cli.command()
@click.argument("what", nargs=-1, metavar="[host [NAME] | image [NAME] | irc | store | gateway]")
@config_option
@json_option
def doctor(what: tuple[str, ...], path: Path, as_json: bool) -> int:
    """Looks at hosts, images, IRC, store and gateway as they are now: what is wrong (!), why, and how to mend it.

    Changes nothing; works beside the running bot.  Exit code 1 where something is wrong.
    """
    from trainbot.doctor.doctor import USAGE, is_subject
    from trainbot.doctor.doctor import doctor as examine

    if not is_subject(what):
        raise click.UsageError(USAGE)
    return examine(read(path), what, as_json, click.echo)


@cli.command()
@config_option
@click.option("--stop", is_flag=True, help="End the gateway that runs.")
def gateway(path: Path, stop: bool) -> int:
    """Runs the ssh gateway (trainbot run starts it by itself)."""
    from trainbot.gateway import process
    from trainbot.installation import gateway_config, state_folder

    config = read(path)
    state_folder(config)
    if stop:
        click.echo("the gateway has ended" if process.stop(config.store.state) else "no gateway runs")
        return 0
    return process.main(gateway_config(config))


@cli.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@config_option
def db_upgrade(path: Path) -> int:
    """Brings the database to this program's schema (every start does it too)."""
    from trainbot.store import Store
    from trainbot.store.migrate import upgrade

    config = read(path)
    store = Store(config.store.url)
    try:
        store.lock()
        before, after = upgrade(config.store.url)
    finally:
        store.close()
    click.echo(f"{config.store.url} is at {after}" + ("" if before == after else f", was {before or 'empty'}"))
    return 0


@cli.group()
def schedule() -> None:
    """Sessions from schedules/*.toml and *.ics."""


@schedule.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@config_option
def schedule_check(folder: Path | None, path: Path) -> int:
    """Reads the schedule folder and says every fault; exit code 1 where there is one."""
    from datetime import UTC, datetime

    from trainbot.sessions.schedule import load_schedules

    found = load_schedules(folder or read(path).schedule.folder, datetime.now(UTC))
    for problem in found.problems:
        click.echo(str(problem))
    click.echo(f"{len(found.sessions)} sessions, {len(found.problems)} problems")
    return 1 if found.problems else 0


@schedule.command("list")
@config_option
@json_option
def schedule_list(path: Path, as_json: bool) -> int:
    """Coming sessions in UTC and the configured zones."""
    from datetime import UTC, datetime

    from trainbot.sessions.schedule import load_schedules
    from trainbot.sessions.times import describe_many

    config, now = read(path), datetime.now(UTC)
    sessions = [s for s in load_schedules(config.schedule.folder, now).sessions if not s.cancelled and s.end > now]
    value = [{"uid": s.uid, "title": s.title, "start": s.start.isoformat(), "zone": s.zone, "minutes": s.minutes,
              "exercise": s.exercise} for s in sessions]
    lines = [f"{s.title}: {describe_many(s.start, s.zones or config.schedule.zones, now)}" for s in sessions]
    show(value, lines or ["no sessions are planned"], as_json)
    return 0


@cli.group()
def exercise() -> None:
    """Exercises: check and read them."""


@exercise.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@config_option
def exercise_check(paths: tuple[Path, ...], path: Path) -> int:
    """Lints exercises (default: the configured folder); exit code 1 only where something has to be mended."""
    from trainbot.exercises.library import load_library

    libraries = [load_library(p) for p in paths or (read(path).exercises.folder,)]
    problems = [problem for library in libraries for problem in library.problems]
    for problem in problems:
        click.echo(f"{'error' if problem.serious else 'note'}: {problem}")
    click.echo(f"{sum(len(library.exercises) for library in libraries)} exercises, {len(problems)} problems")
    return 1 if any(problem.serious for problem in problems) else 0


@exercise.command("show")
@click.argument("name", nargs=-1, required=True)
@config_option
def exercise_show(name: tuple[str, ...], path: Path) -> int:
    """Prints an exercise from first to last step."""
    from trainbot.exercises.library import load_library
    from trainbot.exercises.reading import whole_text

    click.echo(whole_text(load_library(read(path).exercises.folder).find(" ".join(name))))
    return 0


def ask_bot(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    from trainbot.control.client import ask
    from trainbot.errors import BackendError
    from trainbot.installation import CONTROL

    answer = ask(config.store.state / CONTROL, request)
    if "error" in answer:
        raise BackendError(str(answer["error"]))
    return answer


@cli.command()
@click.argument("session", nargs=-1)
@click.option("--exercise", "exercise_name", metavar="NAME", help="An exercise instead of a session; say --seats too.")
@click.option("--seats", type=click.IntRange(1, 1000), help="So many [default: the session's sign-ups, else its seats].")
@click.option("--during-class", is_flag=True, help="Although a class runs: its hosts have more to do.")
@click.option("--within", type=click.IntRange(1, 7200), default=900, show_default=True,
              help="Seconds after which no lab is waited for any more.")
@click.option("--patience", type=click.IntRange(1, 600), default=60, show_default=True,
              help="Seconds that a login to a lab that is ready may take.")
@click.option("--keep", is_flag=True, help="Keep the labs after the report, until ^C, to look into them.")
@json_option
@config_option
def rehearse(path: Path, session: tuple[str, ...], exercise_name: str | None, seats: int | None, during_class: bool,
             within: int, patience: int, keep: bool, as_json: bool) -> int:
    """Makes the labs of SESSION, logs into every one as a learner does, plays its exercise, frees them: go or no-go.

    SESSION is a number as !sessions has it, or words of its title.  Exit code 0: go, 1: no-go.
    """
    from trainbot.imaging.progress import for_terminal
    from trainbot.rehearsal.shell import rehearse as hold

    if bool(session) == bool(exercise_name) or (exercise_name and not seats):
        raise click.UsageError("say which SESSION, or --exercise NAME --seats N")
    request = {"session": " ".join(session), "exercise": exercise_name, "seats": seats, "during_class": during_class}
    return hold(read(path), request, float(within), float(patience), keep,
                lambda value, lines: show(value, lines, as_json), for_terminal())


@cli.group()
def lab() -> None:
    """Labs of the running bot."""


@lab.command("list")
@config_option
@json_option
def lab_list(path: Path, as_json: bool) -> int:
    """All labs there are, with their state and whose they are; then who waits."""
    labs = ask_bot(read(path), {"op": "labs"})["labs"]
    lines = []
    for lab in labs:
        words = (lab["lab"] or lab["image"], lab["state"], lab["host"] and f"on {lab['host']}",
                 lab["nick"] and f"for {lab['nick']}", "in a class" if lab["held"] else "")
        lines.append(" ".join(filter(None, words)))
    show(labs, lines or ["no labs"], as_json)
    return 0


@lab.command("capacity")
@config_option
@json_option
def lab_capacity(path: Path, as_json: bool) -> int:
    """Seats, those that survive the loss of any one host, and how many more labs of each image fit on each host."""
    value = ask_bot(read(path), {"op": "capacity"})
    lines = [f"{image} on {name}: {number} more" for image, there in value["more"].items()
             for name, number in there.items()]
    show({name: part for name, part in value.items() if name != "summary"}, [value["summary"], *lines], as_json)
    return 0


@cli.group()
def host() -> None:
    """Hosts of the running bot."""


@host.command("list")
@config_option
@json_option
def host_list(path: Path, as_json: bool) -> int:
    """Hosts, whether they answer, and what they hold."""
    config = read(path)
    if as_json:
        show(ask_bot(config, {"op": "status"})["hosts"], [], True)
        return 0
    click.echo("\n".join(ask_bot(config, {"op": "command", "text": "hosts"})["lines"]).replace(" | ", "\n"))
    return 0


@host.command("prepare")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@config_option
def host_prepare(name: str, dry_run: bool, path: Path) -> int:
    """Makes the Debian dom0 NAME a host: packages, network, packet filters, the gateway's door, images."""
    from trainbot.imaging.progress import for_terminal
    from trainbot.preparing.prepare import prepare

    return prepare(read(path), name, dry_run, click.echo, for_terminal())


@host.command("take")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def host_take(name: str, yes: bool, path: Path) -> int:
    """Makes NAME this trainbot's, where the one that it belonged to is gone for good; its labs are not touched."""
    from trainbot.taking import take

    return take(read(path), name, lambda question: yes or click.confirm(question), click.echo)


@cli.group()
def image() -> None:
    """Images that labs are made from."""


@image.command("build")
@click.argument("name")
@config_option
def image_build(name: str, path: Path) -> int:
    """Builds the image NAME into the folder that bot.ini gives it (from the recipe of that name that ships)."""
    from trainbot.installation import build_for

    click.echo(f"the {name} image is in {build_for(read(path), name)}")
    return 0


@image.command("list")
@config_option
def image_list(path: Path) -> int:
    """The images of bot.ini, and whether they can be used."""
    from trainbot.installation import images_of

    usable, unready = images_of(read(path))
    lines = [f"{name}: {image.memory_mib} MiB, {image.disk}" for name, image in usable.items()]
    click.echo("\n".join([*lines, *unready.values()]) or "bot.ini has no [image.NAME] section")
    return 0


@cli.group()
def log() -> None:
    """Records of classes."""


@log.command("list")
@config_option
@json_option
def log_list(path: Path, as_json: bool) -> int:
    """All classes that were, and their numbers."""
    from trainbot.records.shell import classes

    value, lines = classes(read(path))
    show(value, lines or ["no class was held yet"], as_json)
    return 0


@log.command("show")
@click.argument("number", type=number_type)
@config_option
def log_show(number: int, path: Path) -> int:
    """The minutes of class NUMBER."""
    from trainbot.records.shell import export

    click.echo(export(read(path), number, "markdown"), nl=False)
    return 0


@log.command("export")
@click.argument("number", type=number_type, required=False)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "markdown"]), default="jsonl", show_default=True)
@config_option
def log_export(number: int | None, form: str, path: Path) -> int:
    """Everything that happened in class NUMBER (default: in all), by time."""
    from trainbot.records.shell import export

    click.echo(export(read(path), number, form), nl=False)
    return 0
