"""The exercises that ship, played from first to last step in a real lab (make test-content, test-content-long)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.scenario_files.conftest import fresh
from trainbot.adapters.markdown.irc_lines import MONO, render
from trainbot.adapters.scenario_files.library import load_library
from trainbot.model.exercise import Step

SHIPPED = load_library(Path(__file__).parents[3] / "exercises").exercises

SHORT = "comparing-distributions"  # the others take four to seven minutes each
# What its scripts see in CentOS Stream 9: the answers of rpm, and a policy that gives port 81 to web servers.
CENTOS = r"""
printf 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="9"\n' > /run/os-release
mount --bind /run/os-release /etc/os-release
cat > /usr/local/bin/rpm << 'END'
#!/bin/sh
case $1 in
    -qf) printf '%s\n' policycoreutils-python-utils-3.6-2.1.el9.noarch libselinux-utils-3.6-1.el9.x86_64 audit-3.1.5-1.el9.x86_64 ;;
    -Vf) if [ "$(stat -c %a "$2")" = 600 ]; then echo "SM5....T.  c $2"; fi ;;
esac
END
chmod 755 /usr/local/bin/rpm
mv /usr/bin/dpkg /usr/bin/dpkg-query /root
semanage port -a -t http_port_t -p tcp 81
"""
each = pytest.mark.parametrize(
    "slug",
    [
        pytest.param(slug, marks=pytest.mark.content if slug == SHORT else pytest.mark.contentlong)
        for slug in sorted(SHIPPED)
    ],
)


def commands(step: Step) -> list[str]:
    """What the step's text tells a learner to type: the lines of its fences."""
    return [line.strip(MONO) for line in render(step.text) if line.startswith(MONO) and line.count(MONO) == 2]


@each
def test_each_verify_fails_before_its_solve_and_passes_after(slug: str, lab) -> None:
    """Fast-forward can be trusted: solves alone bring a fresh lab through every step, in order."""
    for step in steps(lab, slug):
        play(lab, step, lambda step=step: lab.run(step.solve.text, step.timeout))
        assert lab.run(step.solve.text, step.timeout)[0] == 0, f"step {step.number}: a second solve fails"
        code, said = lab.run(step.verify.text, step.timeout)
        assert code == 0, f"step {step.number}: a second solve undid it: {said}"


@each
def test_typing_what_the_text_says_passes_each_verify(slug: str, lab) -> None:
    """A learner who types exactly the commands that are shown has done the step."""
    for step in steps(lab, slug):
        play(lab, step, lambda step=step: lab.typed(commands(step), max(300, step.timeout)))


@pytest.mark.content
def test_the_exercise_that_compares_is_right_in_its_second_lab(lab, second_lab) -> None:
    """Somebody with a Debian 12 and a Debian 13 lab types each step in the second: its check passes there and not in the
    first, where nothing was typed yet; its solve changes nothing that was done by hand."""
    for step in steps(second_lab, SHORT):
        play(second_lab, step, lambda step=step: second_lab.typed(commands(step), max(300, step.timeout)))
        assert lab.run(step.verify.text, step.timeout)[0] != 0, f"step {step.number} counts in the first lab"
        assert second_lab.run(step.solve.text, step.timeout)[0] == 0, f"step {step.number}: a solve fails"
        code, said = second_lab.run(step.verify.text, step.timeout)
        assert code == 0, f"step {step.number}: a solve undid it: {said}"
    assert 'VERSION_ID="13"' in second_lab.run("cat /root/side.txt", 60)[1]


@pytest.mark.content
def test_the_scripts_that_compare_ask_what_system_they_are_in(second_lab) -> None:
    """With CentOS's facts (os-release, rpm and no dpkg, another list of ports) each check fails before its solve and passes
    after it."""
    code, said = second_lab.run(CENTOS, 300)
    assert code == 0, said
    for step in steps(second_lab, SHORT):
        play(second_lab, step, lambda step=step: second_lab.run(step.solve.text, step.timeout))
    assert "src=82 " in second_lab.run("cat /root/denial.txt", 60)[1]


@pytest.mark.content
def test_each_lab_is_as_new(lab, machine) -> None:
    """What one play leaves behind helps no other: it is neither on the disk nor in memory."""
    assert lab.run("echo x > /root/left; setenforce 0; sync", 60)[0] == 0
    fresh(machine[0])
    assert lab.run("[ ! -e /root/left ] && getenforce", 60) == (0, "Enforcing\n")


def steps(lab, slug: str) -> tuple[Step, ...]:
    exercise = SHIPPED[slug]
    if exercise.assets:
        code, said = lab.run(exercise.assets.text, 60)
        assert code == 0, f"its files cannot be put into the lab: {said}"
    return exercise.steps


def play(lab, step: Step, act) -> None:
    if step.setup:
        assert lab.run(step.setup.text, step.timeout)[0] == 0, f"step {step.number}: its setup fails"
    code, said = lab.run(step.verify.text, step.timeout)
    assert code != 0, f"step {step.number}: verify passes before anything was done"
    assert said.strip(), f"step {step.number}: verify does not say what is missing"
    shown = act()
    print(f"--- step {step.number}: {step.title}\nbefore: {said}after: {shown}")
    code, said = lab.run(step.verify.text, step.timeout)
    assert code == 0, f"step {step.number}: verify says {said!r} after {shown}"
