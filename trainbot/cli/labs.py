"""Shell commands about labs and hosts."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import ask_bot, cli, config_option, json_option, read, show, understood


@cli.group()
def lab() -> None:
    """Show the labs of the running bot."""


@lab.command("list")
@config_option
@json_option
def lab_list(path: Path, as_json: bool) -> int:
    """List all labs with their state and holder, then the people in the queue."""
    config = read(path)
    with understood(config):
        labs = ask_bot(config, {"op": "labs"})["labs"]
        lines = []
        for lab in labs:
            words = (
                lab["lab"] or lab["image"],
                lab["state"],
                lab["host"] and f"on {lab['host']}",
                lab["nick"] and f"for {lab['nick']}",
                "in a class" if lab["held"] else "",
            )
            lines.append(" ".join(filter(None, words)))
    show(labs, lines or ["no labs"], as_json)
    return 0


@lab.command("capacity")
@config_option
@json_option
def lab_capacity(path: Path, as_json: bool) -> int:
    """Show how many labs fit, how many if any one host fails, and how many more of each image fit on each host."""
    config = read(path)
    with understood(config):
        value = ask_bot(config, {"op": "capacity"})
        summary = value.pop("summary")
        lines = [
            f"{image} on {name}: {number} more"
            for image, there in value["more"].items()
            for name, number in there.items()
        ]
    show(value, [summary, *lines], as_json)
    return 0


@cli.group()
def host() -> None:
    """Show, prepare and take over hosts."""


@host.command("list")
@config_option
@json_option
def host_list(path: Path, as_json: bool) -> int:
    """List the hosts, whether they answer, and their labs."""
    config = read(path)
    with understood(config):
        if as_json:
            show(ask_bot(config, {"op": "status"})["hosts"], [], True)
            return 0
        lines = ask_bot(config, {"op": "command", "text": "hosts"})["lines"]
    click.echo("\n".join(lines).replace(" | ", "\n"))
    return 0


@host.command("prepare")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@config_option
def host_prepare(name: str, dry_run: bool, path: Path) -> int:
    """Set up the Debian machine NAME, a Xen dom0 or one with KVM, as a host: packages, network, packet filters, jump host, images."""
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.ops.host_setup.prepare import prepare

    return prepare(read(path), name, dry_run, click.echo, for_terminal())


@host.command("take")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@config_option
def host_take(name: str, yes: bool, path: Path) -> int:
    """Take over host NAME from a trainbot that is gone for good; the labs on it are not touched."""
    from trainbot.ops.take_host import take

    return take(read(path), name, lambda question: yes or click.confirm(question), click.echo)
