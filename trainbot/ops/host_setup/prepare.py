"""``trainbot host prepare``: examines the host, changes what is needed, and reports both."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from trainbot.adapters.state_folder import KNOWN_HOSTS, state_folder
from trainbot.config import Config
from trainbot.core.errors import BackendError, UserError
from trainbot.core.files import write_whole
from trainbot.images.build.log_progress import LogProgress
from trainbot.images.build.progress_bar import Progress
from trainbot.model.jump_host import ACCOUNT
from trainbot.ops.host_setup import facts as facts_module
from trainbot.ops.host_setup.copying import copy
from trainbot.ops.host_setup.desired import desired_state
from trainbot.ops.host_setup.hypervisors import hypervisor_of
from trainbot.ops.host_setup.known_hosts import replaced
from trainbot.ops.host_setup.plan import FIRST, notes, plan, refusals, summary
from trainbot.ops.host_setup.plan_images import plan_images
from trainbot.ops.host_setup.probe_jump_host import connect_ssh
from trainbot.ops.host_setup.remote_shell import RemoteShell
from trainbot.ops.host_setup.state import DesiredState, HostFacts, ImageFileCopy, SetupStep

_ASKING = 300.0  # seconds that facts.sh may take
_HASHING = 3600.0


def prepare(config: Config, name: str, dry_run: bool, say: Callable[[str], None], progress: Progress) -> int:
    """Returns exit code 0, or 1 if something is left that only a person can fix; those lines begin with ``!``."""
    host = next((host for host in config.hosts if host.name == name), None)
    if host is None:
        there = ", ".join(host.name for host in config.hosts) or "none"
        raise UserError(f"bot.ini has no [host.{name}] section (available: {there})")
    if hypervisor_of(host.uri) is None:
        say(f"{name} needs no preparation: {host.uri.partition(':')[0]} hosts run their labs on this machine")
        return 0
    if not dry_run:
        state_folder(config)
    with RemoteShell(name, host.uri) as reach:
        return _Preparation(config, reach, desired_state(config, host, dry_run, say), dry_run, say, progress).all()


class _Preparation:
    def __init__(
        self,
        config: Config,
        reach: RemoteShell,
        desired: DesiredState,
        dry_run: bool,
        say: Callable[[str], None],
        progress: Progress,
    ) -> None:
        self._config, self._reach, self._desired, self._dry_run = config, reach, desired, dry_run
        self._say, self._progress = say, progress
        self._done = 0  # things that were, or would be, changed

    def all(self) -> int:
        name = self._desired.host.name
        facts = self._ask()
        self._say(f"  {name}: {summary(facts, self._desired)}")
        before = notes(facts, self._desired)
        for note in before:
            self._say(f"  note: {note}")
        facts = self._steps(facts)
        for note in notes(facts, self._desired):
            if note not in before:  # seen only since packages were installed
                self._say(f"  note: {note}")
        self._images(facts)
        well = True
        if self._desired.jump_address is not None:
            self._trust(facts, *self._desired.jump_address)
            well = self._dry_run or self._try_jump_host(*self._desired.jump_address)
        if self._dry_run:
            self._say(
                f"{name}: {self._done} changes would be made, nothing was changed"
                if self._done
                else f"{name}: already prepared, nothing would be changed"
            )
        else:
            self._say(
                f"{name}: {'prepared' if self._done else 'already prepared, nothing changed'}; next: "
                "trainbot doctor, then trainbot run and !hosts"
            )
        return 0 if well else 1

    def _ask(self) -> HostFacts:
        """The host's present state; raises BackendError if anything prevents the work, after reporting all of it."""
        facts, self._desired = facts_module.ask(self._reach, self._desired, _ASKING)
        if found := [*refusals(facts, self._desired), *plan_images(facts, self._desired).refusals]:
            for sentence in found[:-1]:
                self._say(f"! {sentence}")
            raise BackendError(found[-1])
        return facts

    def _steps(self, facts: HostFacts) -> HostFacts:
        """Does every step, then examines the host again: every change must have taken effect."""
        done: set[str] = set()
        for name in () if self._dry_run else FIRST:
            step = next(step for step in plan(facts, self._desired) if step.name == name)
            if step.due:
                self._step(step)
                done.add(name)
                facts = self._ask()
        steps = [step for step in plan(facts, self._desired) if step.name not in done or step.due]
        for step in steps:
            self._step(step)
        if self._dry_run or not any(step.due for step in steps):
            return facts
        facts = self._ask()
        if left := [step for step in plan(facts, self._desired) if step.due]:
            raise BackendError(
                f"{self._desired.host.name} did not keep the changes ({left[0].name}: it still has to "
                f"{left[0].would}): check its log there (journalctl -b)"
            )
        return facts

    def _step(self, step: SetupStep) -> None:
        if not step.due:
            self._say(f"  {step.name}: {step.now}")
        elif self._dry_run:
            self._say(f"+ {step.name}: {step.now}; would {step.would}")
        else:
            self._progress.stage(f"{self._desired.host.name}: {step.name}")
            self._reach.run(step.script, step.seconds, LogProgress(self._progress))
            self._progress.done(
                f"{self._desired.host.name}: {step.name} done"
            )  # end the progress bar before printing a line
            self._say(f"+ {step.name}: {step.did}")
        self._done += step.due

    # -- images -----------------------------------------------------------------------------------

    def _images(self, facts: HostFacts) -> None:
        desired = self._desired
        found = plan_images(facts, desired)
        if found.unsure and not self._dry_run:
            self._look_at(found.unsure)
            facts = self._ask()
            found = plan_images(facts, desired)
        for version in found.there:
            self._say(f"  image: {version} is there")
        for item in (*found.unsure, *found.copies):
            self._image(item, item in found.unsure)
        for version in found.idle:
            self._say(
                f"  image: {version} is no longer used; to free its space: "
                f"rm {desired.host.images}/{version}.* {desired.host.images}/.{version}.*"
            )

    def _image(self, item: ImageFileCopy, there: bool) -> None:
        self._done += 1
        mib = -(-item.data // (1 << 20))
        if self._dry_run:
            self._say(f"+ image: {item.name}; would " + ("verify its checksum" if there else f"copy it ({mib} MiB)"))
            return
        self._progress.stage(f"{self._desired.host.name}: copying {item.name} ({mib} MiB)")
        folder = self._desired.host.images
        assert folder is not None  # otherwise there is nothing to copy
        sent = copy(
            self._reach,
            item,
            folder,
            lambda at, of: self._progress.step(at >> 20, -(-of >> 20), item.version),
        )
        self._progress.done(f"{self._desired.host.name}: {item.name} is there")
        self._say(f"+ image: {item.name} copied, {sent / (1 << 20):.1f} MiB sent, and verified")

    def _look_at(self, items: tuple[ImageFileCopy, ...]) -> None:
        """Records the checksums of files that are there, as receive.sh does."""
        self._progress.stage(f"{self._desired.host.name}: verifying images that are there")
        names = " ".join(shlex.quote(item.name) for item in items)
        self._reach.run(
            f"set -eu\ncd {shlex.quote(str(self._desired.host.images))}\nfor name in {names}; do\n"
            '    sum=$(sha256sum <"$name")\n'
            '    echo "${sum%% *} $(stat -c \'%s %Y %i\' "$name")" >".$name.sum"\ndone\n',
            _HASHING,
        )

    # -- the gateway's access ---------------------------------------------------------------------

    def _trust(self, facts: HostFacts, address: str, port: int) -> None:
        path = self._config.store.state / KNOWN_HOSTS
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = replaced(before, address, port, facts.host_keys)
        if not facts.host_keys:
            raise BackendError(
                f"{self._desired.host.name} has no /etc/ssh/ssh_host_*_key.pub: is its ssh server OpenSSH?"
            )
        if sorted(after.splitlines()) == sorted(before.splitlines()):
            self._say(f"  host key: already in {path}")
            return
        self._done += 1
        if self._dry_run:
            self._say(f"+ host key: would write {len(facts.host_keys)} to {path}")
            return
        write_whole(path, after)
        self._say(f"+ host key: wrote {len(facts.host_keys)} to {path}")

    def _try_jump_host(self, address: str, port: int) -> bool:
        """Logs in as the gateway will: with its key and known_hosts, and without the user's ssh configuration."""
        host = self._desired.host
        try:
            cores = connect_ssh(self._config.store.state, ACCOUNT, address, port)
        except BackendError as error:
            self._say(
                f"! the gateway can't log in to the jump host {host.name} at {address}:{port} ({error}): "
                f"set door = ADDRESS:PORT in [host.{host.name}], as this machine reaches its ssh server"
            )
            return False
        self._say(f"  jump host: login works at {address}:{port}; {cores} CPUs")
        return True
