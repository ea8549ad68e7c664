"""Models as they are used: trained, asked and evaluated by commands."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import jsonschema
import pytest

from regions import CENTRES, picture, write_regions
from samples import Run, write_table
from whence.direct.model import ARRAYS, WORDS
from whence.present.answers import schema

RECIPE = """
summary = "Regions by their look."
needs = ["ml"]
[describe]
method = "scene"
[target]
method = "{target}"
[estimate]
method = "{estimate}"
[train]
test = 0.2
folds = 3
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_regions(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_regions(tmp_path_factory.mktemp("asked"), places=2, first=40)


def written(folder: Path, target: str = "named", estimate: str = "svm") -> Path:
    path = folder / f"{estimate}.toml"
    path.write_text(RECIPE.format(target=target, estimate=estimate), encoding="utf-8")
    return path


def test_trained_and_asked(run: Run, table: Path, asked: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = run("train", written(tmp_path), "--database", table, "--out", out)
    assert done.code == 0, done.err
    assert "| class right | 1.000" in done.out
    assert "svm, constant" in done.out
    assert "svm, nearest mean" in done.out
    assert done.out.rstrip().endswith(f"whence locate PHOTO --model {out}")
    assert {WORDS, ARRAYS, "training.csv", "test.csv", "training.json", "evaluation"} <= {p.name for p in out.iterdir()}
    halves = [
        {row["group"] for row in csv.DictReader(io.StringIO((out / name).read_text(encoding="utf-8")))}
        for name in ("training.csv", "test.csv")
    ]
    assert halves[1]
    assert not halves[0] & halves[1]
    said = json.loads((out / "training.json").read_text())
    assert set(said["classes"]) == set(CENTRES)

    done = run("locate", asked, tmp_path / "none.jpg", "--model", out, "--format", "jsonl", "--places")
    assert done.code == 1
    lines = [json.loads(line) for line in done.out.splitlines()]
    for line in lines:
        jsonschema.validate(line, schema())
    *good, bad = lines
    assert bad["status"] == "failed"
    assert all(line["status"] == "located" for line in good)
    assert all(line["choices"][0]["label"] == Path(line["path"]).name.split("-")[0] for line in good)
    assert all(line["candidates"] == [] for line in good)
    assert all(abs(sum(c["probability"] for c in line["choices"]) - 1) < 1e-3 for line in good)
    assert any("Hungary" in line["place"] for line in good)

    done = run("locate", asked, "--model", out, "--format", "csv", "--columns", "name,class,class_probability,lat")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert {row["class"] for row in rows} == set(CENTRES)
    done = run("locate", asked, "--model", out)
    assert "coast (" in done.out
    done = run("info", out)
    assert "recipe             svm" in done.out
    assert "coast" in done.out
    assert json.loads(run("info", out, "--format", "json").out)["classes"].keys() == CENTRES.keys()
    page = tmp_path / "why.html"
    done = run("locate", asked, "--model", out, "--explain", page)
    assert done.code == 0, done.err
    assert "coast" in page.read_text(encoding="utf-8")


def test_labels_alone(run: Run, tmp_path: Path) -> None:
    rows = []
    for region in CENTRES:
        for seed in range(8):
            name = f"{region}-{seed}.png"
            cv2.imwrite(str(tmp_path / name), cv2.cvtColor(picture(region, seed), cv2.COLOR_RGB2BGR))
            rows.append((name, "", "", region, f"{region}{seed}"))
    table = write_table(tmp_path / "labels.csv", rows, ("path", "lat", "lon", "label", "group"))
    out = tmp_path / "model"
    done = run("train", written(tmp_path, estimate="nearest-mean"), "--database", table, "--out", out)
    assert done.code == 0, done.err
    assert "class right" in done.out
    done = run("locate", tmp_path / "hills-1.png", "--model", out, "--format", "jsonl")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    jsonschema.validate(answer, schema())
    assert (answer["position"], answer["place"], answer["status"]) == (None, "hills", "located")
    done = run("locate", tmp_path / "hills-1.png", "--model", out)
    assert "hills (" in done.out


@pytest.mark.slow
def test_evaluated_beside_what_it_has_to_beat(run: Run, table: Path, asked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["evaluate", table, asked, "--recipe", written(tmp_path), "--baselines", "--out", out, "--draws", "200"]
    done = run(*words)
    assert done.code == 0, done.err
    runs = json.loads((out / "results.json").read_text())["runs"]
    assert [one["name"] for one in runs] == ["svm", "svm, constant", "svm, nearest mean"]
    first, constant, _ = (one["figures"] for one in runs)
    assert first["class.accuracy"]["value"] == 1
    assert constant["class.accuracy"]["value"] < 0.5
    assert first["error.median"]["value"] < constant["error.median"]["value"]
    assert "class.coast.share" in first
    assert not any(name.startswith("recall@") for name in first)
    assert "svm, constant answers" in done.out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "beside a photo of the class that was answered" in page
    assert "Confusion matrix" in page
    models = sorted((out / "work" / "models").glob("*/model.json"))
    assert len(models) == 3
    before = [path.stat().st_mtime_ns for path in models]
    assert run(*words).code == 0
    assert [path.stat().st_mtime_ns for path in models] == before  # nothing was trained again
    swept = ["--sweep", "target.method=named,kmeans", "--out", tmp_path / "sweep", "--no-report", "--draws", "50"]
    done = run("evaluate", table, asked, "--recipe", written(tmp_path), *swept)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "{table}"], "expected a folder that `whence train` made"),
        (["--model", "{folder}/none"], "is not there"),
        (["--model", "{folder}", "--gallery", "x"], "leave out --gallery"),
        (["--model", "{folder}", "--sequence"], "leave out --sequence"),
        (["--model", "{folder}", "--near", "1,2", "--radius-km", "3"], "leave out conditions"),
        ([], "expected --gallery DIR, or --model DIR"),
    ],
)
def test_misuse(run: Run, table: Path, tmp_path: Path, words: list[str], said: str) -> None:
    filled = [word.format(table=table, folder=tmp_path) for word in words]
    done = run("locate", table, *filled)
    assert done.code == 2
    assert said in " ".join(done.err.split())


def test_recipes_go_where_they_can(run: Run, table: Path, tmp_path: Path) -> None:
    direct = written(tmp_path)
    done = run("index", table, "--gallery", tmp_path / "g", "--recipe", direct)
    assert done.code == 2
    assert f"whence train {direct.stem}" in done.err
    done = run("evaluate", table, "--leave-one-out", "photo", "--recipe", direct, "--out", tmp_path / "o")
    assert done.code == 2
    assert "use --hold-out group" in done.err
    done = run("train", direct, "--database", table, "--devices", "2", "--out", tmp_path / "m")
    assert "--devices is for networks that describe photos" in done.err
    done = run("train", "street-gem", "--database", table, "--tolerance", "3", "--out", tmp_path / "m")
    assert "--tolerance is for models" in done.err
    done = run("train", direct, "--database", table, "--set", "nowhere.x=1", "--out", tmp_path / "m")
    assert "no section [nowhere]" in done.err
    assert run("train", direct, "--database", table, "--out", tmp_path / "m").code == 0
    done = run("locate", table, "--gallery", tmp_path / "m")
    assert done.code == 2
    assert "name it by --model" in done.err
