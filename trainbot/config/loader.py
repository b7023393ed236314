"""Reads bot.ini into a Config, or raises ConfigError with every problem: section, option, what is wrong, how to fix it."""

from __future__ import annotations

import re
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
)
from configparser import Error as IniError
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from trainbot import shipped
from trainbot.config.irc_section import read_irc, read_rules
from trainbot.config.labs_sections import read_host, read_image_section, read_labs
from trainbot.config.questions_section import read_questions, read_talk
from trainbot.config.section import Section, below, parse_age, parse_listen
from trainbot.core.access import Role, Roles, parse_rule
from trainbot.core.errors import ConfigError
from trainbot.model.config import (
    Config,
    ExerciseConfig,
    GatewaySection,
    MetricsConfig,
    RecordsConfig,
    ScheduleConfig,
    StoreConfig,
)
from trainbot.model.copies import parse_destination
from trainbot.model.database_url import database_path, database_url
from trainbot.model.reminder import parse_offsets

_EXAMPLE = re.compile(r"\bexample(\.(org|com|net))?(?![\w.-])")
SECTIONS = ("irc", "store", "roles", "schedule", "exercises", "labs", "gateway", "questions", "records", "metrics")


def _parser() -> ConfigParser:
    return ConfigParser(
        interpolation=None,
        inline_comment_prefixes=(";",),
        comment_prefixes=(";", "#"),
        default_section="\0none",
        empty_lines_in_values=False,
    )


def load(path: Path) -> Config:
    """Reads and checks the whole file; ConfigError lists every problem."""
    parser = _parser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist: make it with trainbot init, or give its path with --config"
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: save it as UTF-8") from None
    except IniError as error:
        raise ConfigError(_unread(path, error)) from None
    problems: list[str] = []
    base = path.resolve().parent
    sections = {name: Section(name, dict(parser[name]), base, problems) for name in parser.sections()}
    for name in SECTIONS:
        sections.setdefault(name, Section(name, {}, base, problems))
    config = _read(path.resolve(), sections, problems)
    if problems:
        raise ConfigError(problems)
    return config


def placeholders(path: Path) -> list[str]:
    """``[section] option: value`` for each value that still names an example's host (RFC 2606, section 3)."""
    parser = _parser()
    parser.read_string(path.read_text(encoding="utf-8"))
    return [
        f"[{name}] {option}: {value}"
        for name in parser.sections()
        for option, value in parser[name].items()
        if _EXAMPLE.search(value)
    ]


def files_named(path: Path) -> tuple[list[Path], list[str]]:
    """(the files that bot.ini names in options that end in _file or begin with tls_client, the environment variables that
    it names)."""
    parser = _parser()
    parser.read_string(path.read_text(encoding="utf-8"))
    named = [(option, value) for name in parser.sections() for option, value in parser[name].items() if value]
    base = path.resolve().parent
    files = [
        below(base, value) for option, value in named if option.endswith("_file") or option.startswith("tls_client_")
    ]
    return files, [value for option, value in named if option.endswith("_env")]


def _unread(path: Path, error: IniError) -> list[str]:
    """Why the file could not be parsed, without the text of the lines: they may contain a password."""
    match error:
        case MissingSectionHeaderError():
            return [f"{path}, line {error.lineno}: an option before any [section]"]
        case ParsingError():
            return [f"{path}, line {number}: neither [section] nor option = value" for number, _line in error.errors]
        case DuplicateSectionError():
            return [f"{path}, line {error.lineno}: [{error.section}] appears twice: merge the two sections"]
        case DuplicateOptionError():
            return [f"{path}, line {error.lineno}: [{error.section}] {error.option} is set twice: keep one"]
    return [f"{path}: not a valid ini file ({type(error).__name__})"]


def _read(path: Path, sections: dict[str, Section], problems: list[str]) -> Config:
    roles, require_account = _roles(sections["roles"])
    store = _store(sections["store"])
    irc = read_irc(sections["irc"])
    irc = replace(irc, talk=read_talk(sections, irc.channels))
    config = Config(
        path=path,
        irc=irc,
        store=store,
        roles=roles,
        require_account=require_account,
        schedule=_schedule(sections["schedule"]),
        exercises=_exercises(sections["exercises"]),
        labs=read_labs(sections["labs"]),
        hosts=tuple(
            read_host(s, name.partition(".")[2], store) for name, s in sections.items() if name.startswith("host.")
        ),
        images=tuple(
            read_image_section(s, name.partition(".")[2], store)
            for name, s in sections.items()
            if name.startswith("image.")
        ),
        gateway=_gateway(sections["gateway"], store),
        questions=read_questions(sections, irc.channels),
        records=_records(sections["records"]),
        metrics=MetricsConfig(sections["metrics"].take("listen", parse_listen, ())),
    )
    _check_copies(config, sections["store"])
    for name, section in sections.items():
        if name in SECTIONS or name.startswith(("host.", "image.", "channel.")):
            section.close()
            continue
        from rapidfuzz import process  # with the first comparison: it takes 4 MiB

        near = process.extractOne(name, [*SECTIONS, "host.NAME", "image.NAME", "channel.#NAME"], score_cutoff=60)
        problems.append(f"[{name}]: unknown section" + (f", did you mean [{near[0]}]?" if near else ""))
    return config


def _exercises(s: Section) -> ExerciseConfig:
    """The exercises of the folder, which may still be made if bot.ini does not name it, and the included ones."""
    d = ExerciseConfig()
    own = s.path("folder", None)
    return ExerciseConfig(
        own or s.base / d.folder,
        named=own is not None,
        included=shipped.folder("exercises"),
        share=s.whole("share", d.share, 0, 100),
    )


def _roles(s: Section) -> tuple[Roles, bool]:
    rules = {role: read_rules(s, role.word, parse_rule) for role in (Role.ORGANISER, Role.PRESENTER, Role.HELPER)}
    return Roles(rules), s.yes("require_account", True)


def _store(s: Section) -> StoreConfig:
    url, state = s.text("url", StoreConfig().url), s.path("state", StoreConfig().state)
    try:
        path = database_path(url)
    except ValueError as error:
        s.fault("url", f"{error}; only SQLite is supported (see docs/dependencies.md)")
        return StoreConfig(url=url, state=state)
    if "?" in url or "#" in url:
        s.fault("url", f'"{url}" contains ? or #: choose a file name without them')
    elif path is not None:
        try:
            url = database_url(below(s.base, str(path)))
        except ValueError as error:
            s.fault("url", str(error))
    d = StoreConfig()
    copies = s.take("copies", parse_destination, None)
    if copies is not None and not copies.account:
        copies = replace(copies, folder=str(s.path("copies", Path())))
    return StoreConfig(
        url=url,
        state=state,
        copies=copies,
        copies_kept=s.whole("copies_kept", d.copies_kept, 1, 1000),
        copies_every=s.span("copies_every", d.copies_every),
    )


def _check_copies(config: Config, s: Section) -> None:
    """Copies hold the exercises and schedules, so they are not kept among them; what is published is for everybody."""
    if (copies := config.store.copies) is None or copies.account:
        return
    for folder in (config.exercises.folder, config.schedule.folder, config.records.folder):
        if Path(copies.folder).is_relative_to(folder):
            s.fault("copies", f"{copies.folder} is in {folder}: use a folder that is neither copied nor published")


def _schedule(s: Section) -> ScheduleConfig:
    def zones(raw: str) -> tuple[str, ...]:
        for name in raw.split():
            try:
                ZoneInfo(name)
            except (KeyError, ValueError, OSError):
                raise ValueError(f'unknown time zone "{name}": use for example Australia/Melbourne') from None
        return tuple(raw.split())

    def offsets(raw: str) -> tuple[str, ...]:
        try:
            return tuple(offset.text for offset in parse_offsets(raw))
        except ConfigError as error:
            raise ValueError("; ".join(error.problems)) from None

    usual = ScheduleConfig().folder
    folder = s.path("folder", usual)
    return ScheduleConfig(
        folder=folder,
        named=folder != below(s.base, str(usual)),
        zones=s.take("zones", zones, ("UTC",)),
        reminders=s.take("reminders", offsets, ScheduleConfig().reminders),
    )


def _gateway(s: Section, store: StoreConfig) -> GatewaySection:
    return GatewaySection(
        listen=s.take("listen", parse_listen, GatewaySection().listen),
        lab_key=s.path("lab_key", store.state / "lab_key"),
        tmux=s.yes("tmux", True),
        service=s.yes("service", False),
    )


def _records(s: Section) -> RecordsConfig:
    url = s.text("public_url")
    if url and not re.match(r"https?://[^\s]+$", url):
        s.fault("public_url", f'"{url}" is not a web address: use for example https://class.example.org/')
    return RecordsConfig(
        folder=s.path("folder", RecordsConfig().folder),
        public_url=url.rstrip("/"),
        log=s.yes("log", False),
        keep=s.take("keep", parse_age, None),
    )
