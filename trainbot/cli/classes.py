"""Shell commands about schedules, exercises and rehearsals."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, json_option, read, show, understood


@cli.group()
def schedule() -> None:
    """Sessions from schedules/*.toml and *.ics."""


@schedule.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@config_option
def schedule_check(folder: Path | None, path: Path) -> int:
    """Check the schedule folder and list every problem; exit code 1 if there are any."""
    from datetime import UTC, datetime

    from trainbot.adapters.calendars.schedule_folder import load_schedules

    if folder is None:
        configured = read(path).schedule
        found = load_schedules(configured.folder, datetime.now(UTC), may_lack=not configured.named)
    else:
        found = load_schedules(folder, datetime.now(UTC))
    for problem in found.problems:
        click.echo(str(problem))
    click.echo(f"{len(found.sessions)} sessions, {len(found.problems)} problems")
    return 1 if found.problems else 0


@schedule.command("list")
@config_option
@json_option
def schedule_list(path: Path, as_json: bool) -> int:
    """List upcoming sessions in UTC and the configured time zones."""
    from datetime import UTC, datetime

    from trainbot.adapters.calendars.schedule_folder import load_schedules
    from trainbot.core.times import describe_many

    config, now = read(path), datetime.now(UTC)
    sessions = [s for s in load_schedules(config.schedule.folder, now).sessions if not s.cancelled and s.end > now]
    value = [
        {
            "uid": s.uid,
            "title": s.title,
            "start": s.start.isoformat(),
            "zone": s.zone,
            "minutes": s.minutes,
            "exercise": s.exercise,
        }
        for s in sessions
    ]
    lines = [f"{s.title}: {describe_many(s.start, s.zones or config.schedule.zones, now)}" for s in sessions]
    show(value, lines or ["no sessions are planned"], as_json)
    return 0


@schedule.command("publish")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@config_option
def schedule_publish(folder: Path, path: Path) -> int:
    """Write DIR/sessions.ics (a calendar feed) and DIR/sessions.html; the bot writes both to the [records] folder too."""
    from datetime import UTC, datetime

    from trainbot.ops.publish_schedule import publish

    click.echo(publish(read(path), folder, datetime.now(UTC)))
    return 0


@cli.group()
def exercise() -> None:
    """Check, show, preview and print exercises."""


@exercise.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@config_option
def exercise_check(paths: tuple[Path, ...], path: Path) -> int:
    """Check exercises (default: those of the configured folder and the included ones); exit code 1 only if there are
    errors."""
    from trainbot.adapters.scenario_files.library import load_library
    from trainbot.bot.installation import exercises_of, images_of
    from trainbot.core.errors import ConfigError
    from trainbot.model.exercise import ExerciseProblem
    from trainbot.ops.exercise_text import image_notes, too_long

    # a path may be the index file or its folder
    libraries = [load_library(p.parent if p.is_file() else p) for p in paths] or [exercises_of(read(path))]
    problems = [problem for library in libraries for problem in library.problems]
    problems += [
        problem for library in libraries for exercise in library.exercises.values() for problem in too_long(exercise)
    ]
    problems += [
        ExerciseProblem(str(library.folder), "", "no index.json, index.yaml or track.yml in this folder")
        for library in libraries
        if paths and not library.exercises and not library.problems
    ]
    for problem in problems:
        click.echo(f"{'error' if problem.serious else 'note'}: {problem}")
    with suppress(ConfigError):  # whoever only writes exercises may have no bot.ini
        images = images_of(read(path))[0]
        for note in image_notes((e for library in libraries for e in library.exercises.values()), images):
            click.echo(f"note: {note}")
    click.echo(f"{sum(len(library.exercises) for library in libraries)} exercises, {len(problems)} problems")
    return 1 if any(problem.serious for problem in problems) else 0


@exercise.command("show")
@click.argument("name", nargs=-1, required=True)
@config_option
def exercise_show(name: tuple[str, ...], path: Path) -> int:
    """Print an exercise from the first to the last step."""
    from trainbot.adapters.scenario_files.library import named_exercise
    from trainbot.bot.installation import exercises_of
    from trainbot.ops.exercise_text import whole_text

    click.echo(whole_text(named_exercise(" ".join(name), lambda: exercises_of(read(path)))))
    return 0


@exercise.command("preview")
@click.argument("name", nargs=-1, required=True)
@config_option
def exercise_preview(name: tuple[str, ...], path: Path) -> int:
    """Print an exercise line by line as a class sees it on IRC, with formatting for the terminal."""
    from trainbot.adapters.scenario_files.library import named_exercise
    from trainbot.bot.installation import exercises_of
    from trainbot.ops.exercise_text import as_on_irc

    click.echo(as_on_irc(named_exercise(" ".join(name), lambda: exercises_of(read(path)))))
    return 0


@exercise.command("handout")
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@config_option
def exercise_handout(name: str, folder: Path | None, path: Path) -> int:
    """Write NAME.html, a page for printing or self-study, to FOLDER (default: handouts in the [records] folder)."""
    from trainbot.adapters.markdown.lab_ports import Surroundings
    from trainbot.adapters.scenario_files.library import named_exercise
    from trainbot.bot.installation import exercises_of
    from trainbot.bot.pages import handout
    from trainbot.core.errors import UserError

    config = read(path)
    found = named_exercise(name, lambda: exercises_of(config))
    try:
        click.echo(
            handout.write(
                found,
                folder or config.records.folder / handout.FOLDER,
                handout.run_yourself(config.records, found),
                Surroundings("", f"{found.image}@{config.labs.public_address}", config.gateway.listen[0][1])
                if found.image
                else Surroundings(),
            )
        )
    except OSError as error:
        raise UserError(f"cannot write the page: {error}") from None
    return 0


@cli.command()
@click.argument("session", nargs=-1)
@click.option(
    "--exercise", "exercise_name", metavar="NAME", help="Rehearse an exercise instead of a session; needs --seats."
)
@click.option(
    "--seats",
    type=click.IntRange(1, 1000),
    help="Number of labs [default: the session's sign-ups, or its seats if nobody signed up].",
)
@click.option(
    "--during-class", is_flag=True, help="Rehearse even while a class is running (puts extra load on its hosts)."
)
@click.option(
    "--within",
    type=click.IntRange(1, 7200),
    default=900,
    show_default=True,
    help="Seconds to wait for the labs.",
)
@click.option(
    "--patience",
    type=click.IntRange(1, 600),
    default=60,
    show_default=True,
    help="Seconds to wait for the login to a lab that is ready.",
)
@click.option("--keep", is_flag=True, help="Keep the labs after the report until Ctrl-C, so that you can inspect them.")
@json_option
@config_option
def rehearse(
    path: Path,
    session: tuple[str, ...],
    exercise_name: str | None,
    seats: int | None,
    during_class: bool,
    within: int,
    patience: int,
    keep: bool,
    as_json: bool,
) -> int:
    """Rehearse SESSION: create its labs, log in to each as a learner, run the exercise, remove the labs, report.

    SESSION is a number from !sessions, or words of the title.  Exit code 0: go, 1: no-go.
    """
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.ops.rehearsal.rehearse import rehearse as hold

    if bool(session) == bool(exercise_name) or (exercise_name and not seats):
        raise click.UsageError("give a SESSION, or --exercise NAME --seats N")
    request = {"session": " ".join(session), "exercise": exercise_name, "seats": seats, "during_class": during_class}
    config = read(path)
    with understood(config):
        return hold(
            config,
            request,
            float(within),
            float(patience),
            keep,
            lambda value, lines: show(value, lines, as_json),
            for_terminal(),
        )
