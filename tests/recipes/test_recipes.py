"""Recipes are data, read strictly: a slip of the pen is an error that says what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from whence.direct.training import check
from whence.errors import ModelError, RecipeError
from whence.locate.pipeline import Pipeline
from whence.recipes import SECTIONS, load_recipe, options_from, recipe_names
from whence.recipes.listing import listed, other_sections, shipped


@dataclass(frozen=True)
class Options:
    words: int = 128
    ratio: float = 0.8
    name: str = "a"
    fast: bool = False


LATER = "[retrieve]\nmethod = 'similar'\n[locate]\nmethod = 'places'\n"
REST = LATER + "[match]\nmethod = 'mutual-nn'\n[verify]\nmethod = 'robust'\n[describe]\nmethod = 'vlad'\n"


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_all_that_come_with_whence_can_be_made(networks: Path) -> None:
    assert "default" in recipe_names()
    for name in recipe_names():
        recipe = load_recipe(name)
        assert (recipe.name, set(recipe.sections)) == (name, set(SECTIONS))
        assert recipe.summary.endswith(".")
        if recipe.sections["estimate"]:
            check(recipe)
            with pytest.raises(RecipeError, match=f"not by a gallery: whence train {name}"):
                Pipeline(recipe)
            continue
        if recipe.sections["train"]:
            with pytest.raises(ModelError, match=f"recipe that comes of it: whence train {name}"):
                Pipeline(recipe)
            continue
        assert Pipeline(recipe).seeing.fingerprint == Pipeline(recipe).seeing.fingerprint


def test_whose_gallery_a_recipe_can_use(tmp_path: Path, networks: Path) -> None:
    """What the list says is what the fingerprints of features and descriptors allow."""
    default = load_recipe("default")
    made = Pipeline(default)
    for recipe in shipped():
        told = other_sections(recipe, default)
        assert (not told) == (recipe.indexing_hash == default.indexing_hash)
        if not told and not recipe.sections["estimate"]:
            same = Pipeline(recipe)
            assert same.seeing.fingerprint == made.seeing.fingerprint
            assert same.seeing.shipped.fingerprint == made.seeing.shipped.fingerprint
    other = load_recipe(written(tmp_path, "[photos]\nmax_side = 640"))
    assert other_sections(other, default) == ("photos", "features", "describe")
    plain = {recipe["name"]: recipe for recipe in listed([default, load_recipe("sift-sum50"), other])}
    assert plain["default"]["shares_gallery_with"] == ["sift-sum50"]
    assert plain["mine"]["shares_gallery_with"] == []
    assert plain["mine"]["differs_from_default"] == ["photos", "features", "describe"]
    assert plain["mine"]["photos"] == {"max_side": 640}


def test_the_hash_follows_the_options_alone(tmp_path: Path) -> None:
    default = load_recipe("default")
    same = load_recipe(written(tmp_path, "[match]\nratio = 0.8\nmethod = 'x'\n[photos]"))
    other = load_recipe(written(tmp_path, "[match]\nratio = 0.7\nmethod = 'x'"))
    again = load_recipe(written(tmp_path, "summary = 'Words.'\n[match]\nmethod = 'x'\nratio = 0.8"))
    assert len({default.hash, same.hash, other.hash}) == 3
    assert again.hash == same.hash
    assert len(default.hash) == 10
    assert again.summary == "Words."


def test_options_keep_their_defaults() -> None:
    assert options_from(Options, "describe", {}) == Options()
    assert options_from(Options, "describe", {"words": 16, "ratio": 1}) == Options(words=16, ratio=1.0)
    assert isinstance(options_from(Options, "describe", {"ratio": 1}).ratio, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"word": 3}, "[describe] has no option 'word'; did you mean 'words'?"),
        ({"zzz": 3}, "[describe] has no option 'zzz'; known: words, ratio, name, fast"),
        ({"words": 1.5}, "[describe] words = 1.5: expected int"),
        ({"words": True}, "[describe] words = True: expected int"),
        ({"words": "8"}, "[describe] words = '8': expected int"),
        ({"ratio": "high"}, "[describe] ratio = 'high': expected float"),
        ({"ratio": float("nan")}, "[describe] ratio = nan: expected a number from 0 up"),
        ({"ratio": True}, "[describe] ratio = True: expected float"),
        ({"name": 1}, "[describe] name = 1: expected str"),
        ({"fast": 1}, "[describe] fast = 1: expected bool"),
        ({"words": {"a": 1}}, "[describe] words = {'a': 1}: expected int"),
    ],
)
def test_wrong_options(values: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        options_from(Options, "describe", values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[describe]\nmethod = ", "recipe mine is not TOML"),
        ("[descibe]\nwords = 3", "no section [descibe]; did you mean [describe]?"),
        ("[cooking]\nwords = 3", "no section [cooking]; expected photos, features, describe"),
        ("describe = 3", "no section [describe]"),
        (REST + "[features]\nmethod = 'sift'\nkeypoint = 3", "has no option 'keypoint'; did you mean 'keypoints'?"),
        (REST + "[features]\nmethod = 'sit'", "no extractor named 'sit'; did you mean 'sift'?"),
        (REST + "[features]\nkeypoints = 3", "[features] names no method; expected one of "),
        (REST, "[match] compares local features, and the recipe finds none; add [features]"),
        (LATER + "[describe]\nmethod = 'vlad'", "[describe] method = 'vlad' is made of local features; add [features]"),
        (
            LATER + "[describe]\nmethod = 'vlad'\n[verify]\nmethod = 'robust'",
            "[verify] holds matches against a geometry, and the recipe has none",
        ),
        ("[photos]\nmax_size = 3", "[photos] has no option 'max_size'; did you mean 'max_side'?"),
        ("[retrieve]\nmethod = 'similar'\ntop_k = 'all'", "[retrieve] top_k = 'all': expected int"),
        (LATER + "[match]\nratio = 0.8", "[match] names no method; expected one of closest, lightglue, mutual-nn"),
        ("summary = 3", "summary = 3: expected one sentence in quotes"),
        ("needs = 'onnx'", "needs = 'onnx': expected a list of names of extras"),
        ("[source]\ntitel = 'x'", "[source] names no title"),
        ("[source]\ntitle = 'x'\nreportd = 'y'", "[source] has no option 'reportd'; did you mean 'reported'?"),
        (LATER.replace("places", "best-photo") + "by = 'luck'", "[locate] by = 'luck': expected one of inliers"),
        (LATER, "[describe] names no method; expected one of "),
        ("", "[retrieve] names no method"),
    ],
)
def test_wrong_recipes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Pipeline(load_recipe(written(tmp_path, text)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_recipes_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe 'defualt'; did you mean 'default'"):
        load_recipe("defualt")
    with pytest.raises(RecipeError, match=r"mine\.toml cannot be read: No such file"):
        load_recipe(str(tmp_path / "mine.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"bytes\.toml cannot be read"):
        load_recipe(str(tmp_path / "bytes.toml"))


def test_a_recipe_saved_by_a_windows_editor(tmp_path: Path) -> None:
    (tmp_path / "bom.TOML").write_text("[photos]\r\nmax_side = 640\r\n", encoding="utf-8-sig")
    assert load_recipe(str(tmp_path / "bom.TOML")).sections["photos"] == {"max_side": 640}
