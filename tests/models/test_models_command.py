"""``whence models`` and networks that describe whole photos: shown, exported, looked through."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from samples import Run, blank, textured
from whence.errors import ModelError
from whence.models import catalogue
from whence.nets import opening, weights
from whence.nets.architecture import Architecture
from whence.nets.network import Network
from whence.present.attention import attention_picture

CRN = {"backbone": "test_resnet", "stage": "layer1", "head": {"method": "crn", "clusters": 4}}
CRN_INPUT = {"input": {"width_px": 96, "height_px": 72}}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A file as ``whence train`` writes it."""
    path = tmp_path / "mine.safetensors"
    weights.save(Network(Architecture.of({**CRN, **CRN_INPUT}, "mine")), path, name="mine", epochs=3)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), textured(0)[..., ::-1])
    return path


def test_show_tells_licence_recall_and_size_before_anything_is_there(run: Run) -> None:
    (shown,) = json.loads(run("models", "show", "megaloc", "--format", "json").out)
    assert (shown["dimension"], shown["input"]["width_px"], shown["parameters"]) == (8448, 322, 228_639_553)
    assert shown["parameters"] == shown["backbone_parameters"] + shown["head_parameters"]
    assert "94.1 on Pitts30k" in shown["reported"]
    assert shown["licence"].startswith("MIT")
    told = run("models", "show", "megaloc", "street-crn2").out
    assert "8448 numbers a photo, of 322 x 322 pixels" in told
    assert "278,409 of the head (245,641 of its mask)" in told
    assert "whence train" in told


def test_the_list_counts_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whence.nets.need", lambda *_: pytest.fail("it needs torch"))
    assert "salad" in run("models").out
    assert all("parameters" not in one for one in json.loads(run("models", "--format", "json").out))


def test_without_torch_show_tells_the_rest(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whence.nets.find_spec", lambda name: None)
    (shown,) = json.loads(run("models", "show", "salad", "--format", "json").out)
    assert (shown["dimension"], shown["input"]["height_px"]) == (8448, 322)
    assert "parameters" not in shown
    done = run("models", "export", "salad", "salad.onnx")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "whence[torch]" in done.err


def test_show_a_file_of_ones_own(run: Run, trained: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("backbone = 'resnet18'\nstage = 'layer3'\nhead = { method = 'gem', dimension = 64 }\n", "utf-8")
    mine, planned = json.loads(run("models", "show", trained, plan, "--format", "json").out)
    assert (mine["epochs"], mine["dimension"], mine["network"]["head"]["method"]) == (3, 128, "crn")
    assert (planned["dimension"], planned["head_parameters"]) == (64, 257 * 64)
    told = run("models", "show", trained).out
    assert "test_resnet up to layer1" in told
    assert "128 numbers a photo, of 96 x 72 pixels" in told


def test_export_and_use(run: Run, networks: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from whence.describe.network import opened

    file = tmp_path / "small.onnx"
    done = run("models", "export", "cosplace-resnet50-2048", file)
    assert (done.code, done.out) == (0, "")
    assert f"model = '{file}'" in done.err
    _, exported = opened(str(file))
    _, own = opened("cosplace-resnet50-2048")
    picture = textured(3)
    assert exported.dimension == own.dimension
    assert np.allclose(exported.vector(picture), own.vector(picture), atol=1e-4)


def test_a_mask_over_a_photo(run: Run, trained: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "mask.png"
    done = run("models", "mask", trained, photo, out)
    assert (done.code, done.out, done.err) == (0, "", "")
    drawn = cv2.imread(str(out))
    assert drawn is not None
    assert drawn.shape == (180, 240, 3)


def test_colours_of_a_mask() -> None:
    mask = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    drawn = attention_picture(blank(40, 30), mask).astype(int)
    assert drawn.shape == (30, 40, 3)
    assert drawn[0, 0, 2] > drawn[0, 0, 0]  # blue where it counts least
    assert drawn[-1, -1, 0] > drawn[-1, -1, 2] + 50  # yellow where it counts most
    even = attention_picture(blank(40, 30), mask * 0 + 7)
    assert (even == even[0, 0]).all()


def test_the_page_about_networks_says_what_the_catalogue_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "networks.md").read_text("utf-8")
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    for name, model in catalogue.models().items():
        if model.network:
            facts = (str(model.dimension), model.licence, model.trained, model.reported)
            row = rows.pop(name)
            assert all(fact in row for fact in facts), name
    assert rows == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "salad"], "expected a network and a file to write: whence models export NAME FILE.onnx"),
        (["export", "salad", "a.pt"], "a network is written to a .onnx file, not to 'a.pt'"),
        (["export", "salad", "nowhere/a.onnx"], "the folder nowhere does not exist"),
        (["export", "sald", "a.onnx"], "did you mean 'salad'"),
        (["export", "xfeat", "a.onnx"], "xfeat describes no whole photos; networks that do: "),
        (["export", "street-crn", "a.onnx"], "street-crn is what training starts from"),
        (["mask", "salad", "photo.png"], "expected a network, a photo and a file to write"),
        (["mask", "salad", "photo.png", "a.jpg"], "a mask is drawn to a .png file, not to 'a.jpg'"),
        (["mask", "salad", "none.jpg", "a.png"], "none.jpg: No such file"),
        (["mask", "salad", "broken.jpg", "a.png"], "broken.jpg: not a photo"),
        (["mask", "salad", "photo.png", "photo.png"], "would be overwritten"),
        (["mask", "salad", "photo.png", "a.png"], "salad: head salad weighs no places; heads that do are crn and crn2"),
        (["show", "none.safetensors"], "none.safetensors"),
        (["show", "none.toml"], "none.toml cannot be read"),
        (["show", "wrong.toml"], "did you mean 'resnet18'"),
    ],
)
def test_misuse(
    run: Run, networks: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(photo.parent)
    Path("broken.jpg").write_bytes(b"no photo")
    Path("wrong.toml").write_text("backbone = 'resnet188'", "utf-8")
    done = run("models", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not Path("a.onnx").exists()


def test_weights_that_are_not_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_MODELS", str(tmp_path))
    done = run("models", "export", "megaloc", tmp_path / "a.onnx")
    assert done.code == 2
    assert "megaloc is not there" in done.err
    assert "whence models download megaloc" in done.err


def test_altered_weights(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "salad.pth").write_bytes((networks / "salad.pth").read_bytes()[:-1] + b"?")
    monkeypatch.setenv("WHENCE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match=r"is not the file that was published .*whence models download salad --force"):
        opening.ready("salad")


def test_weights_that_would_run_something(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib
    import pickle

    data = pickle.dumps({"state_dict": sys.exit}, protocol=2)
    (tmp_path / "salad.pth").write_bytes(data)
    monkeypatch.setenv("WHENCE_MODELS", str(tmp_path))
    known = catalogue.models()["salad"]
    files = (replace(known.files[0], sha256=hashlib.sha256(data).hexdigest()),)
    monkeypatch.setattr(catalogue, "models", lambda: {"salad": replace(known, files=files)})
    with pytest.raises(ModelError, match="it is not loaded"):
        opening.ready("salad")
