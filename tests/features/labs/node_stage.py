"""A bot whose hosts have several nodes, which are paper."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.adapters.hosts.paper_cluster import PaperCluster
from tests.stage import Stage
from trainbot.core.errors import BackendError
from trainbot.model.host import HostUp, HostWorkDone
from trainbot.model.lab import Lab
from trainbot.model.lab_events import CheckLogin, HostWork, LabBooted, LoginChecked, Probe


class NodeStage(Stage):
    """A bot whose hosts are paper clusters, which do what is asked of them."""

    def __init__(self, folder: Path, *, nodes: tuple[str, ...] = ("n1", "n2", "n3"), **more: object) -> None:
        self.clusters: dict[str, PaperCluster] = {}
        self._nodes = nodes
        super().__init__(folder, **{"hosts": ("pool",), "labs": 30} | more)  # type: ignore[arg-type]

    def start(self) -> None:
        clusters = [host for host in self.config.hosts if host.name.startswith("pool")]
        for host in clusters:
            self.clusters.setdefault(host.name, PaperCluster(host.name, self._nodes))
        doors = {host.name: "trainbot-door@{node}:22" for host in clusters}
        self.config = replace(
            self.config,
            hosts=tuple(replace(host, door=doors.get(host.name, host.door)) for host in self.config.hosts),
        )
        super().start()

    @property
    def pool(self) -> PaperCluster:
        return self.clusters["pool"]

    def reads(self, name: str = "pool") -> list[tuple[str, str]]:
        return self.happens(HostUp(self.clusters[name].report()))

    def hosts_work(self) -> list[tuple[str, str]]:
        said = []
        while self.began:
            work, self.began = self.began, []
            for item in work:
                match item:
                    case Probe():
                        said += self.happens(LabBooted(item.lab)) if self.host_boots else []
                    case CheckLogin():
                        said += self.happens(LoginChecked(item.lab))
                    case HostWork() if item.host in self.clusters:
                        said += self.happens(self.done(item))
                    case HostWork():
                        self.began = [item]
                        said += super().hosts_work()
        return said

    def done(self, item: HostWork) -> HostWorkDone:
        driver = self.clusters[item.host]
        try:
            given = item.lab if item.action in ("reboot", "pause", "resume", "destroy") else item.spec
            return HostWorkDone(item.host, item.lab, item.action, getattr(driver, item.action)(given))
        except BackendError as error:
            return HostWorkDone(item.host, item.lab, item.action, None, str(error), not driver.manager)

    def places(self) -> Counter[str]:
        """Where people's labs are."""
        held = {lease.lab_id for lease in self.leases()}
        return Counter(lab.machine for lab in self.labs() if lab.id in held)

    def lab_of(self, nick: str) -> Lab:
        with self.store.transaction():
            person = self.store.people.by_account(nick)
            assert person is not None
            (lease,) = self.store.leases.open(person_id=person.id)
            lab = self.store.labs.get(lease.lab_id or "")
            assert lab is not None
            return lab

    def doors(self, image: str = "debian") -> Counter[str]:
        return Counter(route.via for route in self.routes() if route.image == image)
