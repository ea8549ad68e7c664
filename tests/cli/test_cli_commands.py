"""The commands as people and programs use them: results on stdout, words on stderr, the exit status telling."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import whence
from samples import Run, World, blank, textured, write_photos, write_table
from whence.present.answers import schema, to_dict
from whence.recipes import load_recipe, recipe_names
from whence.worlds import write_photo

COMMANDS = ("index", "locate", "info", "recipes", "datasets", "demo")


def python(*words: object, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """``python -m whence`` in a process of its own."""
    command = [sys.executable, "-m", "whence", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, **options)


def test_help_lists_the_commands(tmp_path: Path) -> None:
    done = python("--help", cwd=tmp_path, env={**os.environ, "COLUMNS": "120"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Whence was this photo taken?" in done.stdout
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert "Usage" in done.out
    assert done.err == ""


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.code, done.out, done.err) == (0, f"whence {whence.__version__}\n", "")


def test_recipes(run: Run) -> None:
    plain = run("recipes")
    assert (plain.code, plain.err) == (0, "")
    default = load_recipe("default")
    assert plain.out.split(maxsplit=1)[0] == "default"
    assert default.summary in " ".join(plain.out.split())
    assert all(len(line) <= 100 for line in plain.out.splitlines())
    assert "any made by default" in plain.out
    listed = json.loads(run("recipes", "--format", "json").out)
    assert sorted(recipe["name"] for recipe in listed) == recipe_names()
    assert all(name in plain.out for name in recipe_names())
    assert "sift-sum50" in listed[0]["shares_gallery_with"]
    assert listed[0]["source"] is None
    (sum50,) = (recipe for recipe in listed if recipe["name"] == "sift-sum50")
    assert sum50["source"]["reported"] == "47 queries, about 3 minutes each"
    assert (sum50["differs_from_default"], sum50["needs"]) == ([], [])
    assert listed[0]["name"] == "default"
    assert listed[0]["hash"] == default.hash
    assert listed[0]["features"]["method"] == "sift"
    wrong = run("recipes", "--format", "yaml")
    assert (wrong.code, wrong.out, wrong.lines) == (2, "", ["whence: --format yaml: expected table or json"])


def test_info(run: Run, world: World) -> None:
    done = run("info", world.gallery, "--format", "json")
    assert (done.code, done.err) == (0, "")
    facts = json.loads(done.out)
    gallery = whence.Gallery.open(world.gallery)
    assert facts["photos"] == len(gallery) == len(list(world.photos.glob("*.jpg")))
    assert facts["coordinates"] == "wgs84"
    assert facts["position_sources"] == {"exif": len(gallery)}
    assert facts["extent"]["lat_min"] == pytest.approx(gallery.coordinates[:, 0].min())
    assert facts["extent"]["lon_max"] == pytest.approx(gallery.coordinates[:, 1].max())
    assert facts["tolerance_m"] == 25
    assert facts["recipe"] == "default"
    assert facts["features"].startswith("sift-")
    assert facts["descriptor"] == gallery.model
    assert facts["bytes"] > 72 * 10_000
    table = run("info", world.plan)
    assert table.code == 0
    assert "coordinates        local" in table.out
    assert "x_min" in table.out
    assert run("info", world.plan, "--format", "xml").code == 2


def test_info_of_an_empty_gallery(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_photo(tmp_path / "photos" / "nowhere.jpg", textured())
    assert run("index", tmp_path / "photos", "--gallery", tmp_path / "g").code == 1
    facts = json.loads(run("info", tmp_path / "g", "--format", "json").out)
    assert (facts["photos"], facts["extent"], facts["bytes_per_photo"]) == (0, {}, 0)
    assert run("info", tmp_path / "g").code == 0


def test_index_says_what_it_did(run: Run, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    write_photo(photos / "nowhere.jpg", textured(9))
    report = tmp_path / "report.json"
    done = run("index", photos, "--gallery", tmp_path / "g", "--report", report)
    assert (done.code, done.out) == (0, "")
    assert done.lines[0] == "skipped nowhere.jpg: no GPS position"
    assert done.lines[1].startswith(f"3 added; 1 skipped. {tmp_path / 'g'}: 3 photos (")
    assert len(done.lines) == 2
    said = json.loads(report.read_text(encoding="utf-8"))
    assert (said["added"], said["total"], said["interrupted"]) == (3, 3, False)
    assert said["skipped"] == [{"path": "nowhere.jpg", "reason": "no GPS position"}]
    again = run("index", photos, "--gallery", tmp_path / "g", "--strict")
    assert again.code == 1
    assert again.lines[1].startswith("0 added; 3 unchanged; 1 skipped.")


def test_many_skipped_photos_are_summed_up(run: Run, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    for number in range(15):
        (photos / f"empty-{number:02d}.jpg").touch()
    done = run("index", photos, "--gallery", tmp_path / "g")
    assert done.code == 0
    assert sum(line.startswith("skipped empty-") for line in done.lines) == 10
    assert "... and 5 more skipped (name all with --report FILE)" in done.lines


def test_stopping_says_how_to_go_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    real = whence.index

    def stopped(*arguments: Any, progress: Any, **options: Any) -> whence.IndexReport:
        def show(step: Any) -> None:
            progress(step)
            raise KeyboardInterrupt

        return real(*arguments, progress=show, **options)

    with monkeypatch.context() as patched:
        patched.setattr("whence.locate.indexing.index", stopped)
        done = run("index", photos, "--gallery", tmp_path / "g")
    assert done.code == 130
    assert done.lines[-1].startswith("whence: interrupted; what was finished is kept")
    assert run("index", photos, "--gallery", tmp_path / "g").code == 0
    assert len(whence.Gallery.open(tmp_path / "g")) == 3


def test_located_as_jsonl(run: Run, world: World) -> None:
    done = run("locate", world.queries, "--gallery", world.gallery, "--format", "jsonl")
    assert (done.code, done.err) == (0, "")
    names = sorted(world.truth)
    assert [answer["path"] for answer in done.answers] == [str(world.queries / name) for name in names]
    validator = jsonschema.Draft202012Validator(schema())
    for answer in done.answers:
        validator.validate(answer)
    assert sum(answer["status"] == "located" for answer in done.answers) >= 0.7 * len(names)


def test_python_gives_the_same_answers(run: Run, world: World) -> None:
    queries = [world.queries / f"query-{number:02d}.jpg" for number in range(3)]
    done = run("locate", *queries, "--gallery", world.gallery, "--format", "jsonl", "--workers", 1)
    assert len(done.answers) == 3
    locator = whence.Locator(whence.Gallery.open(world.gallery))
    for answer in done.answers:
        expected = to_dict(locator.locate(answer["path"]))
        assert {**answer, "seconds": {}} == {**expected, "seconds": {}}


def test_python_and_the_command_make_the_same_gallery(run: Run, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    assert run("index", photos, "--gallery", tmp_path / "a").code == 0
    whence.index(photos, tmp_path / "b")
    one, two = (whence.Gallery.open(tmp_path / name) for name in "ab")
    assert list(one.photos) == list(two.photos)
    assert one.descriptors.tolist() == two.descriptors.tolist()
    assert replace(one.settings, root="") == replace(two.settings, root="")


def test_paths_are_given_back_exactly_and_in_order(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    for name in ("z.jpg", "sub/a b.jpg", "sub/ü.jpg"):
        Path(name).write_bytes((world.queries / "query-00.jpg").read_bytes())
    Path("list.csv").write_text("lat,path\n1,sub/ü.jpg\n,z.jpg\n99,sub/../z.jpg\n", encoding="utf-8")
    done = run("locate", "z.jpg", "list.csv", "sub", "z.jpg", "--gallery", world.gallery, "--format", "jsonl")
    assert done.code == 0
    expected = ["z.jpg", "sub/ü.jpg", "z.jpg", "sub/../z.jpg", "sub/a b.jpg", "sub/ü.jpg", "z.jpg"]
    assert [Path(answer["path"]).as_posix() for answer in done.answers] == expected
    assert len({json.dumps({**answer, "path": "", "seconds": {}}) for answer in done.answers}) == 1


def test_a_blank_photo_and_a_known_one(run: Run, world: World, tmp_path: Path) -> None:
    write_photo(tmp_path / "blank.jpg", blank())
    known = world.photos / "photo-07.jpg"
    done = run("locate", tmp_path / "blank.jpg", known, "--gallery", world.gallery, "--format", "jsonl")
    first, second = done.answers
    assert (done.code, first["status"], first["candidates"], first["error"]) == (0, "unsure", [], None)
    assert first["position"] is not None
    assert second["duplicate_of"] == ["photo-07.jpg"]
    assert "photo-07.jpg" not in [candidate["path"] for candidate in second["candidates"]]
    jsonschema.validate(first, schema())
    jsonschema.validate(second, schema())


def test_options_of_locate(run: Run, world: World) -> None:
    query = world.queries / "query-00.jpg"
    words = ["locate", query, "--gallery", world.gallery, "--format", "jsonl"]
    (few,) = run(*words, "--candidates", 2).answers
    assert len(few["candidates"]) == 2
    (tight,) = run(*words, "--tolerance", 2).answers
    assert tight["radius_m"] >= 2
    (private,) = run(*words, "--private").answers
    assert {candidate["path"] for candidate in private["candidates"]} == {None}
    assert "photo-" not in json.dumps(private)
    (same,) = run(*words, "--recipe", "default").answers
    assert same["status"] == "located"


def test_located_as_a_table(run: Run, world: World) -> None:
    done = run("locate", world.queries / "query-00.jpg", "--gallery", world.gallery)
    assert (done.code, done.err) == (0, "")
    assert "query-00.jpg" in done.out
    assert "located" in done.out


def test_located_as_geojson(run: Run, world: World) -> None:
    query = world.queries / "query-00.jpg"
    done = run("locate", query, "--gallery", world.gallery, "--format", "geojson")
    (feature,) = json.loads(done.out)["features"]
    lon, lat = feature["geometry"]["coordinates"]
    assert (lat, lon) == (pytest.approx(35, abs=0.01), pytest.approx(-40, abs=0.01))
    refused = run("locate", query, "--gallery", world.plan, "--format", "geojson")
    assert (refused.code, refused.out, len(refused.lines)) == (2, "", 1)
    assert "GeoJSON knows only latitude and longitude" in refused.err


def test_explanations_are_written(run: Run, world: World, tmp_path: Path) -> None:
    query, words = world.queries / "query-00.jpg", ["--gallery", world.gallery, "--format", "jsonl"]
    for suffix, start in ((".html", b"<!"), (".png", b"\x89PNG")):
        file = tmp_path / f"why{suffix}"
        done = run("locate", query, *words, "--explain", file)
        assert (done.code, done.err, len(done.answers)) == (0, "", 1)
        assert file.read_bytes().lstrip().lower().startswith(start.lower())
        assert file.stat().st_size > 20_000
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "query-00.jpg" in page
    assert "data:image/" in page
    assert 'src="http' not in page
    (tmp_path / "text.jpg").write_text("broken")
    mixed = run("locate", tmp_path / "text.jpg", query, *words, "--explain", tmp_path / "mixed.html")
    assert mixed.code == 1
    assert "text.jpg" in (tmp_path / "mixed.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["why.pdf", "none/why.html", "why"])
def test_explanations_that_cannot_be_written(run: Run, world: World, tmp_path: Path, name: str) -> None:
    query = world.queries / "query-00.jpg"
    done = run("locate", query, "--gallery", world.gallery, "--explain", tmp_path / name)
    assert (done.code, done.out, len(done.lines)) == (2, "", 1)
    assert "--explain" in done.err or name in done.err


def test_a_picture_explains_one_photo(run: Run, world: World, tmp_path: Path) -> None:
    done = run("locate", world.queries, "--gallery", world.gallery, "--explain", tmp_path / "all.png")
    assert (done.code, done.out, len(done.lines)) == (2, "", 1)


def test_nothing_leaks_into_results(world: World, tmp_path: Path) -> None:
    """In a process of its own, where libraries print what they like when they are first loaded."""
    query = world.queries / "query-01.jpg"
    done = python("locate", query, "--gallery", world.gallery, "--format", "jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["path"] == str(query)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_had_enough(world: World, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "whence", "locate", str(world.queries), "--gallery", str(world.gallery)]
    child = subprocess.Popen([*command, "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    json.loads(child.stdout.readline())
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 1
    assert b"Traceback" not in said


def test_a_table_with_local_coordinates(run: Run, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    table = write_table(photos / "t.csv", [(f"{n:02d}.jpg", str(n * 10), "0") for n in range(3)], ("path", "x", "y"))
    done = run("index", table, "--gallery", tmp_path / "g", "--tolerance", 1, "--no-thumbnails", "--crs", "local")
    assert done.code == 0
    (answer,) = run("locate", photos / "01.jpg", "--gallery", tmp_path / "g", "--format", "jsonl").answers
    assert set(answer["position"]) == {"x", "y"}
    assert answer["radius_m"] >= 1


def test_public_names_can_be_imported() -> None:
    assert {"Gallery", "Locator", "index", "LatLon", "XY", "Location", "WhenceError"} <= set(whence.__all__)
    namespace: dict[str, Any] = {}
    exec("from whence import *", namespace)
    assert {name for name in namespace if name != "__builtins__"} == set(whence.__all__)
