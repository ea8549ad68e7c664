"""``whence evaluate`` as it is used: what it writes, and what it asks of whom."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from samples import Run, World, write_table
from scenes import ASKED, PLACES, STRANGERS, TOLERANCE_M, Scene
from whence.evaluate import Plan, evaluate
from whence.evaluate.model import Evaluation
from whence.gallery.storage import Storage
from whence.present.answers import schema
from whence.types import Crs, Status

ON_A_SPHERE = 0.006
"""How far distances of the independent scorer may be off."""
FEWER = """
summary = "Fewer keypoints."
[photos]
max_side = 1024
[features]
method = "sift"
keypoints = 200
[describe]
method = "vlad"
[retrieve]
method = "similar"
[match]
method = "mutual-nn"
[verify]
method = "robust"
[locate]
method = "places"
"""


def strict(text: str) -> Any:
    """JSON as the standard has it, without NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def answers(out: Path, name: str = "default") -> list[dict[str, Any]]:
    return [strict(line) for line in (out / "answers" / f"{name}.jsonl").read_text().splitlines()]


def test_a_table_of_queries_end_to_end(scene: Scene, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "evaluate", scene.gallery, scene.queries, "--out", out, "--no-report", "--draws", 200, "--threshold", 5,
        "--threshold", 60,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.strip() == (out / "results.md").read_text().strip()
    found = strict((out / "results.json").read_text())
    assert (found["queries"], found["unknown_places"], found["database_photos"]) == (ASKED, STRANGERS, 2 * PLACES)
    assert (found["unit"], found["tolerance"], found["thresholds"]) == ("m", TOLERANCE_M, [5.0, 60.0])
    assert found["leaks"] == found["left_out"] == found["not_indexed"] == []
    figures = found["runs"][0]["figures"]
    assert figures["within.5"]["value"] == figures["recall@1.5"]["value"] == 1.0
    assert figures["class.accuracy"]["value"] == 1.0
    assert figures["unknown.located"]["value"] < 1.0
    for figure in figures.values():
        if None not in figure.values():
            assert figure["low95"] <= figure["low50"] <= figure["high50"] <= figure["high95"]
    lines = answers(out)
    assert [line["path"] for line in lines] == [f"asked/{number}.jpg" for number in range(ASKED + STRANGERS)]
    for line in lines:
        assert len(line.pop("shortlist")) == 2 * PLACES
        jsonschema.validate(line, schema())
    table = list(csv.DictReader(io.StringIO((out / "results.csv").read_text())))
    assert {row["figure"] for row in table} == set(figures)
    assert {row["run"] for row in table} == {"default"}


def test_the_truth_changes_figures_and_no_answer(scene: Scene, run: Run, tmp_path: Path) -> None:
    located = run("locate", scene.queries, "--gallery", scene.gallery, "--format", "jsonl").answers
    with scene.queries.open() as stream:
        rows = [(str(scene.folder / row["path"]), row["x"] and "999", row["y"]) for row in csv.DictReader(stream)]
    moved = write_table(tmp_path / "moved.csv", rows, ("path", "x", "y"))
    found = evaluate(Plan(scene.gallery, [moved], out=tmp_path / "out", draws=10))
    assert found.runs[0].figures["within.5"].value == 0.0
    for line, expected in zip(answers(tmp_path / "out"), located, strict=True):
        assert line["position"] == expected["position"]
        assert line["confidence"] == expected["confidence"]


def test_a_photo_that_cannot_be_read_counts_as_missed(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    rows = [("bad.jpg", "0", "0"), ("gone.jpg", "0", "0"), (str(scene.folder / "asked" / "0.jpg"), "0.5", "0")]
    table = write_table(tmp_path / "q.csv", rows, ("path", "x", "y"))
    found = evaluate(Plan(scene.gallery, [table], out=tmp_path / "out", draws=10))
    (only,) = found.runs
    assert [answer.status is Status.FAILED for answer in only.answers] == [True, True, False]
    assert only.outcomes.error_m[:2].tolist() == [float("inf")] * 2
    assert only.figures["within.5"].value == pytest.approx(1 / 3)


@pytest.mark.slow
def test_a_sweep_is_one_table_and_one_gallery(scene: Scene, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "evaluate", scene.table, scene.queries, "--out", out, "--draws", 10, "--tolerance", 5,
        "--sweep", "retrieve.top_k=1,8", "--sweep", "match.ratio=0.7,0.9", "--limit", 4,
    )  # fmt: skip
    assert done.code == 0, done.err
    found = strict((out / "results.json").read_text())
    names = [each["name"] for each in found["runs"]]
    assert names[0] == "default retrieve.top_k=1 match.ratio=0.7"
    assert [tuple(each["varied"].values()) for each in found["runs"]] == [(1, 0.7), (1, 0.9), (8, 0.7), (8, 0.9)]
    assert set(found["compared_with_first"]) == set(names[1:])
    assert all(name in done.out for name in names)
    assert len(list((out / "answers").iterdir())) == 4
    assert sum(entry.is_dir() for entry in (out / "work" / "galleries").iterdir()) == 1
    assert len(answers(out, "default_retrieve.top_k=1_match.ratio=0.7")[0]["shortlist"]) == 1
    assert found["queries"] + found["unknown_places"] == 4
    page = (out / "report.html").read_text()
    for words in ("<h2>Sweep</h2>", "retrieve.top_k", "match.ratio", "Speed against accuracy"):
        assert words in page
    again = run("evaluate", scene.gallery, scene.queries, "--out", out, "--no-report", "--draws", 10)
    assert again.code == 0
    assert not (out / "report.html").exists()  # it was of other results


def test_names_do_for_paths_and_one_for_a_list(scene: Scene, tmp_path: Path) -> None:
    plan = Plan(str(scene.gallery), str(scene.queries), out=str(tmp_path / "out"), recipes="default", draws=10)  # type: ignore[arg-type]
    assert plan == Plan(scene.gallery, (scene.queries,), tmp_path / "out", ("default",), draws=10)
    assert evaluate(plan).title == "queries.csv, asked of gallery"


def test_what_is_asked_of_what_is_in_the_title(scene: Scene, tmp_path: Path) -> None:
    held = evaluate(Plan(scene.table, hold_out="group", out=tmp_path / "held", draws=10))
    left = evaluate(Plan(scene.gallery, leave_one_out="group", out=tmp_path / "left", draws=10))
    assert held.title == f"photos held out of it, asked of {scene.table.name}"
    assert left.title == "its own photos, asked of gallery"
    assert left.protocol == "every photo of the gallery asked as if neither its group nor copies of it were there"


def test_a_gallery_is_described_anew_for_a_recipe_that_sees_otherwise(scene: Scene, tmp_path: Path) -> None:
    recipe = tmp_path / "fewer.toml"
    recipe.write_text(FEWER)
    found = evaluate(
        Plan(scene.gallery, [scene.queries], out=tmp_path / "out", draws=10, recipes=["default", str(recipe)])
    )
    own, other = found.runs
    assert own.gallery == Storage.of(scene.gallery)
    assert own.costs.index_seconds is None
    assert other.gallery.local("").is_relative_to(tmp_path / "out" / "work")
    assert other.costs.index_seconds is not None
    for each in (own, other):  # positions, groups and classes came along
        assert each.figures["within.5"].value == each.figures["class.accuracy"].value == 1.0
        assert each.answers[0].candidates[0].group == "wall0"
    again = evaluate(Plan(scene.gallery, [scene.queries], out=tmp_path / "out", draws=10, recipes=[str(recipe)]))
    assert again.runs[0].costs.index_seconds == other.costs.index_seconds
    assert figures(again) == {name: value.value for name, value in other.figures.items()}


def figures(found: Evaluation) -> dict[str, float]:
    return {name: figure.value for name, figure in found.runs[0].figures.items()}


def test_held_out_photos_are_never_in_the_database(scene: Scene, tmp_path: Path) -> None:
    """Not even in that of another draw, made in the same folder before."""
    for seed in range(3):
        plan = Plan(scene.table, out=tmp_path / "out", hold_out="group", share=0.3, seed=seed, draws=10, tolerance_m=5)
        found = evaluate(plan)
        assert len(found.database) + len(found.questions) == 2 * PLACES
        asked = {question.group for question in found.questions}
        named = {c.group for answer in found.runs[0].answers for c in answer.candidates}
        assert asked
        assert named
        assert not asked & named
        assert found.leaks == []
        assert found.leaky == ""


def test_a_random_split_is_marked(scene: Scene, run: Run, tmp_path: Path) -> None:
    done = run(
        "evaluate", scene.table, "--hold-out", "random", "--share", 0.3, "--out", tmp_path / "out", "--no-report",
        "--draws", 10, "--tolerance", 5,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "**A leaky split**" in done.out
    found = strict((tmp_path / "out" / "results.json").read_text())
    assert found["leaky"]
    assert {leak["kind"] for leak in found["leaks"]} == {"same group"}


def test_photos_with_positions_in_exif(world: World, tmp_path: Path) -> None:
    found = evaluate(
        Plan(world.photos, out=tmp_path / "out", hold_out="random", draws=10, limit=3, recipes=["default-fast"])
    )
    assert found.crs is Crs.WGS84
    assert found.thresholds_m == (25.0,)
    assert all(question.truth is not None for question in found.questions)
    (only,) = found.runs
    assert only.outcomes.equirectangular_m == pytest.approx(only.outcomes.error_m, rel=0.01, abs=0.01)


def test_frames(scene: Scene, tmp_path: Path) -> None:
    walk = [(path, str(number), "0") for number, (path, *_) in enumerate(scene.rows)]
    table = write_table(tmp_path / "walk.csv", walk[::2], ("path", "x", "y"))
    asked = write_table(tmp_path / "again.csv", walk[1::2], ("path", "x", "y"))
    found = evaluate(Plan(table, [asked], out=tmp_path / "out", frames=1, draws=10))
    assert (found.unit, found.tolerance_m, found.thresholds_m) == ("frames", 1, (1.0,))
    assert found.runs[0].outcomes.cluster.tolist() == [0, 0, 1, 1, 1, 2, 2, 3]  # runs of five frames
    assert found.runs[0].figures["within.1"].value == 1.0


@pytest.mark.photos
@pytest.mark.skipif(not os.environ.get("WHENCE_DATA"), reason="WHENCE_DATA does not name the folder with real photos")
def test_figures_agree_with_the_independent_scorer(scene: Scene, world: World, tmp_path: Path) -> None:
    scorer = Path(os.environ["WHENCE_DATA"]).parent / "bench" / "score.py"
    if not scorer.is_file():
        pytest.skip("the scorer is not beside the photos")
    earth = write_table(
        tmp_path / "earth.csv",
        [(str(world.queries / name), repr(p.lat), repr(p.lon)) for name, p in world.truth.items()],
    )
    for gallery, queries, tolerance in ((scene.gallery, scene.queries, 5.0), (world.gallery, earth, 25.0)):
        out = tmp_path / f"out{tolerance:g}"
        found = evaluate(Plan(gallery, [queries], out=out, thresholds_m=(tolerance,), tolerance_m=tolerance, draws=10))
        ours, t = figures(found), f"{tolerance:g}"
        command = [sys.executable, scorer, queries, out / "answers" / "default.jsonl", "--tolerance", t]
        said = subprocess.run([*map(str, command), "--thresholds", t, "--json"], capture_output=True, check=True)
        theirs = json.loads(said.stdout)
        assert theirs["malformed_lines"] == theirs["ambiguous_paths"] == 0
        assert ours["error.median"] == pytest.approx(theirs["error_median_m"], rel=ON_A_SPHERE)
        assert ours["error.mean"] == pytest.approx(theirs["error_mean_m"], rel=ON_A_SPHERE)
        assert ours["manhattan.mean"] == pytest.approx(theirs["manhattan_mean"], rel=ON_A_SPHERE)
        assert ours["radius.inside"] == theirs["truth_inside_radius"]
        assert ours["located.share"] == theirs["located_share"]
        assert ours["ece"] == pytest.approx(theirs["ece_confidence"])
        assert ours[f"within.{t}"] == theirs["within"][t]
        assert ours[f"located.within.{t}"] == theirs["located_within"][t]
        for n in (1, 5, 20):
            assert ours[f"recall@{n}.{t}"] == theirs[f"recall_at_{n}"][t]
        if found.questions[-1].truth is None:
            assert ours["unknown.located"] == theirs["unknown_located_share"]
