"""A class on a host of three nodes: where labs are, what the loss of a node costs, and what operators do there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.features.labs.node_stage import NodeStage
from tests.stage import CHANNEL
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.status import BotStatus
from trainbot.bot.turn_times import TurnTimes
from trainbot.model.host import DomainState, HostLost, HostUp
from trainbot.model.lab import LabState
from trainbot.model.lab_events import HostWork, Probe, ProbeHost

PEOPLE = ("alice", "bob", "carol", "russell", "olga", "hannah")
SAME = "the same ssh command and password work again"


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Callable[..., NodeStage]]:
    """clusters(labs=…, nodes=…): a bot with a host of several nodes."""
    made: list[NodeStage] = []

    def make(**settings: object) -> NodeStage:
        made.append(NodeStage(tmp_path / str(len(made)), **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stage in made:
        stage.store.close()


@pytest.fixture
def stage(clusters: Callable[..., NodeStage]) -> NodeStage:
    """Six people with a lab each, two on each node, in a class that runs."""
    found = clusters()
    found.reads()
    for nick in PEOPLE:
        found.talk(nick, "!lab debian")
    found.hosts_work()
    found.talk("russell", "!start")
    found.reads()
    return found


def dies(stage: NodeStage, node: str = "n2") -> list[tuple[str, str]]:
    """The node goes silent; what is said until its people have moved."""
    stage.pool.dies(node)
    return stage.reads() + stage.listens(f"pool/{node}") + stage.hosts_work()


# -- where labs are ------------------------------------------------------------------------------------


def test_labs_are_spread_over_nodes_and_reached_through_their_doors(stage: NodeStage) -> None:
    """The loss of one hurts a third of the class; each lab is probed, checked and entered through its own node."""
    assert stage.places() == {"pool/n1": 2, "pool/n2": 2, "pool/n3": 2}
    assert stage.doors() == {f"trainbot-door@n{n}:22": 2 for n in (1, 2, 3)}
    assert all(len(stage.pool.on(node)) == 2 for node in stage.pool.nodes)


def test_the_driver_is_told_the_node_and_the_probe_its_door(stage: NodeStage) -> None:
    """What is made is made where placement counts it."""
    stage.join("dora", account="dora")
    stage.talk("dora", "!lab debian")
    (work,) = [item for item in stage.began if isinstance(item, HostWork)]
    assert work.host == "pool" and work.spec is not None and work.spec.node == stage.lab_of("dora").node == "n1"
    stage.began.clear()
    stage.happens(stage.done(work))
    assert [item.way.via for item in stage.began if isinstance(item, Probe)] == ["trainbot-door@n1:22"]


def test_what_organisers_read(stage: NodeStage) -> None:
    """A line for the host and for each node; capacity counts what the loss of one node would leave."""
    stage.pool.nodes["n3"].memory_mib = 2048
    stage.reads()
    said = stage.whisper("olga", "hosts")
    assert said[0] == "30 labs fit: 6 taken, 0 in the pool, 24 free; 26 survive the loss of any one node"
    assert " | ".join(said[1:]).split(" | ") == [
        "pool up, 6 of 30 labs, 3 nodes, 16128 of 18432 MiB free",
        "pool/n1 up, 2 labs, 7424 of 8192 MiB free",
        "pool/n2 up, 2 labs, 7424 of 8192 MiB free",
        "pool/n3 up, 2 labs, 1280 of 2048 MiB free",
    ]
    assert stage.whisper("olga", "lab capacity")[1] == "debian: 24 more (pool 24)"
    assert "alice debian on pool/n1 ready" in stage.whisper("olga", "labs pool/n1")[0]
    assert len(stage.whisper("olga", "labs pool")[0].split("; ")) == 6


def test_a_node_that_cannot_be_called_that_gets_no_labs(stage: NodeStage) -> None:
    """Its name would be part of an ssh destination: nothing but letters, digits, dots, dashes and underscores."""
    for name in ("-oProxyCommand=x", "root@evil", "a/b", "n 1", "n1\r\n", ""):
        stage.pool.nodes[name] = replace(stage.pool.nodes["n1"], name=name)
    stage.reads()
    assert set(stage.wiring.scheduler.machines) == {"pool/n1", "pool/n2", "pool/n3"}
    lab = stage.lab_of("alice")
    stage.pool.moves(lab.id, "root@evil")
    stage.reads()
    assert stage.lab_of("alice").node == lab.node and set(stage.doors()) == {
        f"trainbot-door@n{n}:22" for n in (1, 2, 3)
    }


# -- a node dies ---------------------------------------------------------------------------------------


def test_a_node_dies_silently_and_its_people_move(stage: NodeStage) -> None:
    """Their labs stay what they were until it is certain; then the class hears one line, and passwords stay."""
    before = {route.lease: route.digest for route in stage.routes()}
    stage.pool.dies("n2")
    assert stage.reads() == [] and stage.listens("pool/n2", seconds=5) == [] and stage.reads() == []
    assert stage.places()["pool/n2"] == 2 and {lab.state for lab in stage.labs()} == {LabState.READY}
    victim = next(nick for nick in PEOPLE if stage.lab_of(nick).node == "n2")
    assert any("its host pool/n2 does not answer right now" in line for line in stage.whisper(victim, "lab reboot"))
    assert stage.listens("pool/n2") == [(CHANNEL, f"node pool/n2 is lost: 2 people move to other machines; {SAME}")]
    stage.hosts_work()
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3}
    assert {route.lease: route.digest for route in stage.routes() if route.image == "debian"} == before
    assert stage.reads() == [] and stage.listens("pool/n2", seconds=60) == []


@pytest.mark.parametrize("forgets", [True, False])
def test_a_report_about_a_node_that_does_not_answer_says_nothing(stage: NodeStage, forgets: bool) -> None:
    """Whether its labs are left out, or said to be off: no lab is lost, restarted, or taken for a stranger."""
    stage.pool.forgets = forgets
    stage.pool.dies("n2")
    for id in stage.pool.on("n2"):
        stage.pool.domains[id] = replace(stage.pool.domains[id], state=DomainState.OFF)
    assert stage.reads() == []
    assert not [item for item in stage.began if isinstance(item, HostWork)]
    for id in stage.pool.on("n2"):
        stage.pool.domains[id] = replace(stage.pool.domains[id], state=DomainState.RUNNING)
    stage.pool.returns("n2")
    assert stage.reads() == [] and stage.places()["pool/n2"] == 2 and stage.listens("pool/n2", seconds=30) == []


def test_a_node_whose_labs_or_sshd_answer_is_not_lost(stage: NodeStage) -> None:
    """Its host only thinks so: nobody leaves their work behind; organisers hear that something is wrong."""
    stage.pool.dies("n2")
    stage.reads()
    assert stage.listens(seconds=30) == []
    (told,) = stage.listens("pool/n2", seconds=120, greets=True)
    assert told[1].startswith("node pool/n2 is overloaded") and told[1].endswith("other machines: !drain pool/n2 now")
    assert stage.places()["pool/n2"] == 2


def test_the_node_is_back_with_the_old_labs_running(stage: NodeStage) -> None:
    """People find them beside the new ones, through that node's door, until they give their lab back."""
    old = stage.pool.on("n2")
    dies(stage)
    stage.pool.returns("n2")
    said = stage.reads()
    assert sum("node pool/n2 is back: until your lease ends" in text for _nick, text in said) == 2
    assert stage.doors("old") == {"trainbot-door@n2:22": 2} and stage.reads() == []
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3} and stage.pool.on("n2") == old
    for nick in PEOPLE:
        stage.talk(nick, "!lab return")
        stage.talk(nick, "!yes")
    stage.hosts_work()
    assert stage.pool.domains == {}


def test_who_was_being_given_a_lab_there_gets_another_at_once(stage: NodeStage) -> None:
    """Nobody can have work in a lab that was never made."""
    stage.join("dora", account="dora")
    stage.talk("dora", "!lab debian")
    stage.began.clear()
    dead = stage.lab_of("dora").node
    stage.pool.dies(dead)
    stage.reads()
    stage.hosts_work()
    assert stage.lab_of("dora").node != dead and stage.lab_of("dora").state is LabState.READY


def test_a_limit_that_is_reached_does_not_keep_people_from_moving(clusters: Callable[..., NodeStage]) -> None:
    """[host.pool] labs = 6, all taken: labs on a dead node take none of it.  When it is back there are more for a while."""
    stage = clusters(labs=6)
    stage.reads()
    for nick in PEOPLE:
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    assert stage.places().total() == 6
    dies(stage)
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3}
    stage.pool.returns("n2")
    stage.reads()
    assert stage.places().total() == 6 and len(stage.pool.domains) == 8


def test_a_second_node_dies_and_people_return_to_the_first(stage: NodeStage) -> None:
    """What they left there is as it was."""
    first = {nick: stage.lab_of(nick).id for nick in PEOPLE if stage.lab_of(nick).node == "n2"}
    dies(stage)
    stage.pool.returns("n2")
    stage.reads()
    moved_to = {stage.lab_of(nick).node for nick in first}
    dies(stage, min(moved_to))
    for nick, id in first.items():
        lab = stage.lab_of(nick)
        assert lab.id == id or lab.node not in ("n2", min(moved_to))
    assert any(stage.lab_of(nick).id == id for nick, id in first.items())


def test_the_manager_is_silent_and_labs_are_not(stage: NodeStage) -> None:
    """Whoever manages the nodes is away: people keep their labs, and the ways to them; only a node that is silent itself is
    lost."""
    stage.pool.manager = False
    before = stage.doors()
    assert stage.happens(HostLost("pool", "refused")) == []
    assert stage.listens(seconds=60) == [] and stage.doors() == before and stage.places().total() == 6
    said = stage.listens("pool/n2", seconds=20)
    assert said == [
        (
            CHANNEL,
            "node pool/n2 is lost: no other machine has room, so 2 people are waiting for a lab and will be told; the class goes on",
        )
    ]
    stage.pool.manager = True
    stage.pool.dies("n2")
    stage.reads()
    stage.hosts_work()
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3}


# -- the bot is killed in between ----------------------------------------------------------------------


@pytest.mark.parametrize("manager", [True, False])
def test_killed_while_a_node_is_silent(stage: NodeStage, manager: bool) -> None:
    """The next bot knows from its rows which nodes there are, even if their manager never answers it."""
    stage.pool.dies("n2")
    stage.reads()
    stage.listens("pool/n2", seconds=3)
    stage.restart()
    stage.pool.manager = manager
    assert set(stage.wiring.scheduler.machines) == {"pool/n1", "pool/n2", "pool/n3"}
    said = stage.reads() if manager else stage.happens(HostLost("pool", "refused"))
    said += stage.listens("pool/n2", seconds=20) + stage.hosts_work()
    assert sum("node pool/n2 is lost" in text for _to, text in said) == 1
    assert stage.places() == ({"pool/n1": 3, "pool/n3": 3} if manager else {"pool/n1": 2, "pool/n3": 2})


def test_killed_after_people_have_moved(stage: NodeStage) -> None:
    """Nobody moves twice; what was left behind is found when the node is back."""
    dies(stage)
    stage.restart()
    assert stage.reads() + stage.listens("pool/n2", seconds=20) == []
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3}
    stage.pool.returns("n2")
    assert sum("is back" in text for _nick, text in stage.reads()) == 2


# -- what operators do ---------------------------------------------------------------------------------


def test_a_lab_that_an_operator_moved_is_followed(stage: NodeStage) -> None:
    """Within one reading its way leads through the other node; it is the same lab, and nobody is told of a loss."""
    lab = stage.lab_of("alice")
    stage.pool.moves(lab.id, "n3")
    assert stage.reads() == []
    assert replace(stage.lab_of("alice"), node=lab.node) == lab and stage.lab_of("alice").node == "n3"
    (route,) = [route for route in stage.routes() if route.lab == lab.id]
    assert (route.via, route.boots, route.endpoint) == ("trainbot-door@n3:22", lab.boots, lab.endpoint)
    assert stage.places() == {"pool/n1": 1, "pool/n2": 2, "pool/n3": 3}
    stage.restart()
    assert stage.reads() == [] and stage.lab_of("alice").node == "n3"


def test_a_lab_that_is_moved_while_it_boots_is_probed_there(stage: NodeStage) -> None:
    """Not through the door that it was behind."""
    stage.host_boots = False
    stage.talk("alice", "!lab reboot")
    stage.hosts_work()
    stage.pool.moves(stage.lab_of("alice").id, "n3")
    stage.reads()
    assert [item.way.via for item in stage.began if isinstance(item, Probe)] == ["trainbot-door@n3:22"]


def test_labs_that_an_operator_moves_off_a_dead_node_stay(stage: NodeStage) -> None:
    """As soon as they run elsewhere: only the others are lost with it."""
    kept, lost = stage.pool.on("n2")
    stage.pool.dies("n2")
    stage.reads()
    stage.listens("pool/n2", seconds=3)
    stage.pool.moves(kept, "n1")
    assert stage.reads() == []
    assert "one person moves to another machine" in stage.listens("pool/n2")[0][1]
    stage.hosts_work()
    held = {lab.id: lab.machine for lab in stage.labs()}
    assert held[kept] == "pool/n1" and lost not in held and stage.places().total() == 6


def test_a_lab_that_is_off_after_it_was_moved_is_started_there(stage: NodeStage) -> None:
    """A failover is a boot on another node."""
    lab = stage.lab_of("alice")
    stage.pool.dies(lab.node)
    stage.pool.domains[lab.id] = replace(stage.pool.domains[lab.id], node="n3", state=DomainState.OFF)
    assert any("starting it again" in text for _nick, text in stage.reads())
    stage.hosts_work()
    assert stage.lab_of("alice").id == lab.id and stage.lab_of("alice").machine == "pool/n3"
    assert stage.lab_of("alice").state is LabState.READY


def test_a_node_is_drained_and_emptied(stage: NodeStage) -> None:
    """No new labs there, also after a restart; ``now`` moves its people to other nodes; the other nodes take labs."""
    assert stage.whisper("olga", "drain pool/n2") == [
        "pool/n2 gets no new labs; 2 labs stay until their leases end. !drain pool/n2 now moves people off it"
    ]
    stage.restart()
    stage.reads()
    stage.whisper("olga", "drain pool/n2 now")
    said = stage.hear("olga", "yes", channel=None)
    assert ("olga", "pool/n2 gets no new labs; 2 moved") in said
    assert any("node pool/n2 is being emptied: 2 people move to other machines" in text for _to, text in said)
    stage.hosts_work()
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3}
    assert any("pool/n2 up, 2 labs" in line and "drained" in line for line in stage.whisper("olga", "hosts"))
    assert stage.whisper("olga", "undrain pool/n2") == ["pool/n2 gets labs again"]
    assert "is not drained" in stage.whisper("olga", "undrain pool/n2")[0]
    assert stage.whisper("olga", "drain pool/n9") == [
        'no host called "pool/n9" (available: pool, pool/n1, pool/n2, pool/n3)'
    ]


def test_the_whole_host_is_drained(stage: NodeStage) -> None:
    """None of its nodes gets labs; what was drained by itself stays so."""
    stage.whisper("olga", "drain pool/n1")
    stage.whisper("olga", "drain pool")
    stage.join("dora", account="dora")
    assert "queue" in stage.whisper("dora", "lab debian")[0]
    stage.whisper("olga", "undrain pool")
    stage.hosts_work()
    stage.wait(seconds=2)
    stage.hosts_work()
    assert stage.lab_of("dora").node in ("n2", "n3")


def test_a_node_that_its_operators_drained_gets_no_labs(stage: NodeStage) -> None:
    """They need not tell the bot."""
    stage.pool.nodes["n1"].drained = stage.pool.nodes["n2"].drained = True
    stage.reads()
    stage.join("dora", account="dora")
    stage.talk("dora", "!lab debian")
    assert stage.lab_of("dora").machine == "pool/n3"
    assert sum(", drained" in each for line in stage.whisper("olga", "hosts") for each in line.split(" | ")) == 2


def test_a_node_is_taken_away_for_good(stage: NodeStage) -> None:
    """It is no longer among the nodes: its labs are lost, and their people get others."""
    for id in stage.pool.on("n2"):
        del stage.pool.domains[id]
    del stage.pool.nodes["n2"]
    said = stage.reads()
    assert sum(text.startswith("sorry, your debian lab was lost") for _nick, text in said) == 2
    stage.hosts_work()
    assert stage.places() == {"pool/n1": 3, "pool/n3": 3}
    assert set(stage.wiring.scheduler.machines) == {"pool/n1", "pool/n3"}


def test_beside_a_host_of_one_node(clusters: Callable[..., NodeStage]) -> None:
    """What dies there moves here, and the other way round; the bigger one gets more."""
    stage = clusters(hosts=("xen1", "pool"), labs=6)
    stage.host_up("xen1")
    stage.reads()
    for nick in PEOPLE:
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    assert stage.places() == {"xen1": 3, "pool/n1": 1, "pool/n2": 1, "pool/n3": 1}
    stage.reads()
    said = stage.loses("xen1")
    assert said == [(CHANNEL, f"host xen1 is lost: 3 people move to other hosts; {SAME}")]
    stage.hosts_work()
    assert stage.places() == {f"pool/n{n}": 2 for n in (1, 2, 3)}
    assert not [item for item in stage.began if isinstance(item, ProbeHost) and item.host == "pool"]


def test_what_a_reading_says_of_labs_that_were_moving_is_not_believed(stage: NodeStage) -> None:
    """Several calls run at a time, so it may be older than the end of an action: nothing is lost, nor destroyed as a
    stranger."""
    before = stage.pool.report()
    stage.join("dora", account="dora")
    stage.talk("dora", "!lab debian")
    stage.talk("hannah", "!lab return")
    stage.talk("hannah", "!yes")
    moving = frozenset(item.lab for item in stage.began if isinstance(item, HostWork))
    assert len(moving) == 2
    stage.hosts_work()
    made = stage.lab_of("dora")
    assert stage.happens(HostUp(before, moving)) == []
    assert stage.lab_of("dora") == made and stage.began == []
    stage.happens(HostUp(before))  # one that began after all that is believed
    assert {(item.action, item.lab) for item in stage.began if isinstance(item, HostWork)} >= {
        ("destroy", next(iter(moving - {made.id})))
    }


def test_what_programs_read(stage: NodeStage) -> None:
    """A node counts like a host, for alerts as well; the numbers of a host of several are told once, with its nodes."""
    dies(stage)
    stage.reads()
    turns = TurnTimes()
    with stage.store.transaction():
        status = BotStatus(stage.config, stage.wiring, IrcConnection(stage.config.irc, lambda event: None), turns)
        hosts = status.report(None, stage.now)["hosts"]
        labs = stage.wiring.labs.overview.labs_value(stage.now)
    assert {name: (host["up"], host["lost"], host["most_labs"]) for name, host in hosts.items()} == {
        "pool": (True, False, 30),
        "pool/n1": (True, False, None),
        "pool/n2": (False, True, None),
        "pool/n3": (True, False, None),
    }
    assert "memory_mib" not in hosts["pool"] and hosts["pool/n1"]["labs"] == 3
    assert Counter(row["host"] for row in labs if row["state"] == "ready") == {"pool/n1": 3, "pool/n3": 3}


def test_a_node_is_listened_to_at_its_own_door(stage: NodeStage) -> None:
    """Its sshd and its labs, through it; others of its host are asked beside it, to know whether anything is heard."""
    stage.pool.dies("n2")
    stage.reads()
    asked = {item.host: item for item in stage.began if isinstance(item, ProbeHost)}
    assert {name: item.via for name, item in asked.items()} == {
        f"pool/n{n}": f"trainbot-door@n{n}:22" for n in (1, 2, 3)
    }
    theirs = {stage.pool.domains[id].endpoint for id in stage.pool.on("n2")}
    assert set(asked["pool/n2"].endpoints) == theirs and len(theirs) == 2
