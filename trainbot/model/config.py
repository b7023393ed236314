"""The contents of bot.ini, as values.  Defaults are set here and nowhere else; times are ``timedelta``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from trainbot.core.access import Roles
from trainbot.core.bridge import Relays
from trainbot.model.copies import Destination
from trainbot.model.host import GuestType, HostConfig
from trainbot.model.reminder import ReminderOffset, parse_offsets


class Secret:
    """A text that never appears in a repr, a log line or a traceback; ``reveal()`` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "***" if self._text else "(none)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))


@dataclass(frozen=True, slots=True)
class IrcConfig:
    """[irc].  ``login_help``: what people type to get an account and log in, '' for what the network shows;
    ``flood_interval``: in seconds; ``tls_fingerprint``: SHA-256, lower-case hex without colons;
    ``nickserv``: log in through NickServ if the network has no SASL; ``nick_back``: what NickServ is told to do, once
    we are logged in, with whoever has our nick; ``notice``: send NOTICE if nothing in it is secret; ``talk``: (channel
    for talk, the class channel that it belongs to); ``more_servers``: tried in turn if ``server`` fails; ``relays``: bots
    that repeat in our channels what is said elsewhere."""

    server: str = "irc.libera.chat"
    port: int = 6697
    more_servers: tuple[tuple[str, int], ...] = ()
    tls: bool = True
    tls_ca_file: Path | None = None
    tls_fingerprint: str = ""
    tls_client_cert: Path | None = None
    tls_client_key: Path | None = None
    nick: str = "trainbot"
    user: str = "trainbot"
    realname: str = "trainbot: training bot"
    contact: str = ""
    login_help: str = ""
    channels: tuple[str, ...] = ()
    talk: tuple[tuple[str, str], ...] = ()
    keys: tuple[tuple[str, Secret], ...] = ()
    sasl: tuple[str, ...] = ()
    account: str = ""
    password: Secret = field(default_factory=Secret)
    nickserv: bool = False
    nick_back: tuple[str, ...] = ("regain",)
    server_password: Secret = field(default_factory=Secret)
    allow_plaintext: bool = False
    ecdsa_key_file: Path | None = None
    flood_burst: int = 4
    flood_interval: float = 2.0
    notice: bool = False
    prefix: str = "!"
    relays: Relays = field(default_factory=Relays)

    @property
    def class_channels(self) -> tuple[str, ...]:
        """The ``channels`` in which classes are held."""
        return tuple(channel for channel in self.channels if channel not in dict(self.talk))

    def about(self, channel: str) -> str:
        """The class channel that talk in ``channel`` is about."""
        return dict(self.talk).get(channel, channel)

    def talk_of(self, channel: str) -> str:
        """The channel in which the people of a class in ``channel`` talk; '' if they talk in that one."""
        return next((talk for talk, about in self.talk if about == channel), "")


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """[store].  ``state``: keys, the control socket and pid files (mode 0700); ``copies``: where copies of the whole
    installation go, of which ``copies_kept`` are kept, and which are brought up to date every ``copies_every``."""

    url: str = "sqlite:///trainbot.db"
    state: Path = Path("state")
    copies: Destination | None = None
    copies_kept: int = 5
    copies_every: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """[schedule].  ``named``: bot.ini names another folder than the usual one, so it is a fault if there is none."""

    folder: Path = Path("schedules")
    named: bool = False
    zones: tuple[str, ...] = ("UTC",)
    reminders: tuple[str, ...] = ("7d", "1d", "1h", "10m")

    @property
    def offsets(self) -> tuple[ReminderOffset, ...]:
        """``reminders`` as values, the longest first."""
        return parse_offsets(" ".join(self.reminders))


@dataclass(frozen=True, slots=True)
class ExerciseConfig:
    """[exercises].  ``named``: bot.ini names the folder, so it is a fault if there is none; ``included``: the folder of the
    exercises that come with trainbot, None to leave them out."""

    folder: Path = Path("exercises")
    named: bool = False
    included: Path | None = None
    share: int = 60  # percent of a class that should have done a step before !next goes on without advice


@dataclass(frozen=True, slots=True)
class LabsConfig:
    per_person: int = 1
    lease: timedelta = timedelta(hours=4)
    cap: timedelta = timedelta(hours=12)
    lost_after: timedelta = timedelta(seconds=6)  # a host is lost when all of it has been silent for this long
    warn: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(minutes=30)  # after the end of a class, before its labs may end
    spare: int = 2
    share: int = 100  # percent of a session's sign-ups for which labs are made ahead
    lead: timedelta = timedelta(minutes=40)  # before a session: the making of its labs begins
    early: timedelta = timedelta(
        minutes=20
    )  # before a session: people who signed up get their labs, one after the other
    health: timedelta = timedelta(minutes=2)  # a pool lab is tried again when nobody has logged in for this long
    overcommit: float = 1.0  # 1: a host's disk has room for all that its labs may ever write; 2: for half of it
    public_address: str = "localhost"
    kept: int = 0  # archives of own files that a person may have; 0: keeping files is off
    kept_size: int = 8  # MiB of one, packed
    kept_for: timedelta = timedelta(days=30)
    kept_total: int = 1024  # MiB of all of them


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """[image.NAME].  ``folder``: what ``trainbot image build`` made (disk.img, vmlinuz, initrd, image.json);
    ``memory``: in MiB; ``guest``: how it runs on Xen; ``hvm_accept_risk``: even as HVM, where QEMU in dom0 faces a hostile
    guest; ``cpu_percent``: of one core, 0: all of its CPUs; ``mirror``: where to get what it is made from, ending with /,
    '' for the distribution's own servers."""

    name: str
    folder: Path
    memory: int | None = None  # None: as the image needs
    vcpus: int = 1
    spare: int | None = None
    guest: GuestType | None = None  # None: as image.json says
    hvm_accept_risk: bool = False
    cpu_percent: int = 0
    mirror: str = ""


@dataclass(frozen=True, slots=True)
class GatewaySection:
    """[gateway].  ``listen``: addresses and ports, of which people are told the first; ``lab_key``: the installation's
    private key; ``tmux``: run logins with a terminal in tmux, if the lab has it; ``service``: something other than the
    bot keeps the gateway running."""

    listen: tuple[tuple[str, int], ...] = (("0.0.0.0", 2222),)  # noqa: S104  learners come from anywhere
    lab_key: Path = Path("state/lab_key")
    tmux: bool = True
    service: bool = False


@dataclass(frozen=True, slots=True)
class QuestionsConfig:
    """[questions].  ``words``: a line that begins with one of them is a question; ``channel_words``: the words of
    single channels ([channel.#NAME] question), instead of ``words``."""

    words: tuple[str, ...] = ("QUESTION:",)
    channel_words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    length: int = 400  # characters of one question
    a_person: int = 10  # open questions of one person
    a_minute: int = 6  # questions that one person may ask in a minute
    many: int = 10  # the presenter is told when this many wait ...
    long: timedelta = timedelta(minutes=10)  # ... or one has waited this long


SESSIONS_PAGE = "sessions.html"


@dataclass(frozen=True, slots=True)
class RecordsConfig:
    """[records].  ``keep``: how long records name people; None: for ever (trainbot log prune)."""

    folder: Path = Path("public")
    public_url: str = ""
    log: bool = False
    keep: timedelta | None = None

    @property
    def sessions_url(self) -> str:
        """The URL of the page with all sessions; '' if it is not served."""
        return f"{self.public_url.rstrip('/')}/{SESSIONS_PAGE}" if self.public_url else ""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """[metrics].  ``listen``: where Prometheus gets them; nowhere by default."""

    listen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    path: Path
    irc: IrcConfig
    store: StoreConfig
    roles: Roles
    require_account: bool
    schedule: ScheduleConfig
    exercises: ExerciseConfig
    labs: LabsConfig
    hosts: tuple[HostConfig, ...]
    images: tuple[ImageConfig, ...]
    gateway: GatewaySection
    questions: QuestionsConfig
    records: RecordsConfig
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
