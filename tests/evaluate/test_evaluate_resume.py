"""A run that was stopped goes on where it was, and only if nothing changed that may change an answer."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from samples import Run
from scenes import ASKED, STRANGERS, Scene
from whence.evaluate import Plan, evaluate
from whence.evaluate.plan import Step
from whence.evaluate.results import to_json
from whence.locate.answers import Answer
from whence.locate.locator import Locator
from whence.types import Photo

TOTAL = ASKED + STRANGERS


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of all photos that are really located during the test."""
    names: list[str] = []
    answers = Locator.answers

    def spy(self: Locator, photos: list[Photo]) -> Iterator[Answer]:
        names.extend(photo.name for photo in photos)
        return answers(self, photos)

    monkeypatch.setattr(Locator, "answers", spy)
    return names


@pytest.fixture
def plan(scene: Scene, tmp_path: Path) -> Plan:
    return Plan(scene.gallery, [scene.queries], out=tmp_path / "out", draws=10)


def lines(plan: Plan) -> list[str]:
    return (plan.out / "answers" / "default.jsonl").read_text().splitlines()


def stop_after(number: int) -> Callable[[Step], None]:
    def tell(step: Step) -> None:
        if step.stage == "default" and step.done == number:
            raise KeyboardInterrupt

    return tell


def test_ctrl_c_loses_nothing(plan: Plan, asked: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate(plan, progress=stop_after(3))
    before = lines(plan)
    assert len(before) == 3
    asked.clear()
    found = evaluate(plan)
    assert asked == [f"asked/{number}.jpg" for number in range(3, TOTAL)]
    assert lines(plan)[:3] == before
    assert [answer.path for answer in found.runs[0].answers] == [question.name for question in found.questions]
    asked.clear()
    again = evaluate(plan)
    assert asked == []
    assert to_json(again)["runs"][0]["figures"] == to_json(found)["runs"][0]["figures"]


def test_the_command_says_how_to_go_on(
    scene: Scene, run: Run, plan: Plan, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    def interrupted(self: Locator, photos: list[Photo]) -> Iterator[Answer]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Locator, "answers", interrupted)
        done = run("evaluate", scene.gallery, scene.queries, "--out", plan.out, "--no-report")
    assert done.code == 130
    assert "the same command goes on" in done.err
    assert done.out == ""
    assert run("evaluate", scene.gallery, scene.queries, "--out", plan.out, "--no-report", "--draws", 10).code == 0


def test_kill_9_loses_nothing_that_was_written(plan: Plan, asked: list[str]) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from whence.evaluate import Plan, evaluate\n"
        "def tell(step):\n"
        "    if step.stage == 'default' and step.done == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "evaluate(Plan(Path(sys.argv[1]), [Path(sys.argv[2])], out=Path(sys.argv[3]), draws=10), progress=tell)"
    )
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("this system has no kill -9")
    killed = subprocess.run(
        [sys.executable, "-c", script, str(plan.database), plan.queries[0], plan.out], check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(lines(plan)) == 4
    evaluate(plan)
    assert asked == [f"asked/{number}.jpg" for number in range(4, TOTAL)]
    assert len(lines(plan)) == TOTAL


@pytest.mark.parametrize("left", [b"", b'{"path": "asked/7', b'{"path": "asked/7.jpg"}\n', b"\xff\xfe\n"])
def test_a_last_line_that_was_cut_off_is_asked_again(plan: Plan, asked: list[str], left: bytes) -> None:
    whole = evaluate(plan)
    file = plan.out / "answers" / "default.jsonl"
    kept = file.read_bytes().splitlines(keepends=True)[:-1]
    file.write_bytes(b"".join(kept) + left)
    asked.clear()
    again = evaluate(plan)
    assert asked[-1] == f"asked/{TOTAL - 1}.jpg"
    if left != b"\xff\xfe\n":  # bytes that are no text leave nothing to go by
        assert len(asked) == 1
    assert [a.position for a in again.runs[0].answers] == [a.position for a in whole.runs[0].answers]
    assert len(lines(plan)) == TOTAL


def test_what_may_change_an_answer_starts_afresh(scene: Scene, plan: Plan, asked: list[str], tmp_path: Path) -> None:
    copy = tmp_path / "queries.csv"
    text = scene.queries.read_text().replace("asked/", f"{scene.folder.as_posix()}/asked/")
    copy.write_text(text)
    plan = replace(plan, queries=[copy])
    evaluate(plan)
    asked.clear()
    copy.write_text(text.replace("0.5,0", "7.5,0"))  # another truth
    evaluate(plan)
    assert asked == []
    evaluate(replace(plan, thresholds_m=(3.0,), seed=5))
    assert asked == []
    evaluate(replace(plan, tolerance_m=3.0))
    assert len(asked) == TOTAL
    asked.clear()
    evaluate(replace(plan, tolerance_m=3.0, limit=4))
    assert len(asked) == 4


def test_two_at_once_are_told(scene: Scene, run: Run, plan: Plan) -> None:
    plan.out.mkdir()
    with FileLock(plan.out / ".evaluation.lock"):
        done = run("evaluate", scene.gallery, scene.queries, "--out", plan.out, "--no-report")
    assert done.code == 2
    (line,) = done.lines
    assert "another evaluation writes to" in line
    assert [entry.name for entry in plan.out.iterdir()] == [".evaluation.lock"]
