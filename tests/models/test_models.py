"""Model files: where they are looked for, that they are checked, and how they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from networks import write_networks
from samples import Run
from whence.errors import InputError, MissingExtraError, ModelError
from whence.models import catalogue, onnx, store
from whence.models.catalogue import Model
from whence.models.download import download

PUBLISHED = catalogue.models()


class _Publisher(BaseHTTPRequestHandler):
    """Serves a folder, and what can go wrong with it."""

    folder: Path

    def do_GET(self) -> None:
        kind, _, name = self.path.strip("/").partition("/")
        data = (self.folder / name).read_bytes()
        if kind == "gone":
            self.send_error(404)
            return
        sent = {"good": data, "cut": data, "other": data[:-1] + b"?", "long": data * 3}[kind]
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent[: len(sent) // 2] if kind == "cut" else sent)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """A model that a server on this computer has, and an empty folder of models."""
    made = write_networks(tmp_path / "published")
    monkeypatch.setattr(_Publisher, "folder", tmp_path / "published", raising=False)
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "models"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Publisher)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served(made, server.server_port, "good")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def served(made: Model, port: int, kind: str) -> Model:
    files = tuple(replace(file, url=f"http://127.0.0.1:{port}/{kind}/{file.name}") for file in made.files)
    return replace(made, files=files)


def otherwise(made: Model, kind: str) -> Model:
    """The same model from a server that behaves differently."""
    return served(made, int(made.files[0].url.split(":")[2].split("/")[0]), kind)


def test_what_is_published_is_stated_in_full() -> None:
    assert "xfeat" in PUBLISHED
    for name, said in PUBLISHED.items():
        assert said.name == name
        assert all((said.title, said.where, said.licence, said.trained, said.needs, said.files))
        for file in said.files:
            assert file.url.startswith("https://")
            assert Path(file.url).suffix == Path(file.name).suffix
            assert file.bytes >= 0
            digits = len(file.sha256) // 2 and len(bytes.fromhex(file.sha256))
            assert digits in (0, 4, 32)
            assert digits != 4 or f"-{file.sha256}." in file.url  # only a beginning was published, in the name
    names = {file.name: file for said in PUBLISHED.values() for file in said.files}
    assert all(names[file.name] == file for said in PUBLISHED.values() for file in said.files)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'xfeat'"):
        catalogue.model("xfeet")
    with pytest.raises(InputError, match="known: xfeat"):
        catalogue.model("zzz")


def test_the_folder_is_that_of_the_variable_or_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    assert store.folder() == tmp_path
    monkeypatch.setenv(store.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert store.folder().name == "models"
    assert "whence" in store.folder().parts


def test_download(published: Model) -> None:
    told: list[tuple[str, int]] = []
    fetched = download(published, tell=lambda file, got: told.append((file.name, got)))
    assert [path.name for path in fetched] == [file.name for file in published.files]
    assert dict(told) == {file.name: file.bytes for file in published.files}
    for file in published.files:
        assert store.wrong(store.folder() / file.name, file) == ""
        assert store.path_of(published, file.name).is_file()
    assert {path.name for path in store.folder().iterdir()} == {file.name for file in published.files}
    assert download(published) == []
    assert len(download(published, force=True)) == 2


def test_an_altered_file_is_noticed_and_fetched_anew(published: Model) -> None:
    download(published)
    path = store.folder() / "xfeat.onnx"
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"xfeat.onnx is not the file .* whence models download xfeat"):
        store.path_of(published, "xfeat.onnx")
    assert download(published) == [path]
    assert store.path_of(published, "xfeat.onnx") == path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("gone", "the server says 404"),
        ("cut", "xfeat.onnx"),
        ("other", "not the file that was published"),
        ("long", "gave more than"),
    ],
)
def test_what_goes_wrong_leaves_nothing_behind(published: Model, kind: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        download(otherwise(published, kind))
    assert not store.folder().exists() or list(store.folder().iterdir()) == []
    download(published)
    kept = (store.folder() / "xfeat.onnx").read_bytes()
    with pytest.raises(ModelError):
        download(otherwise(published, kind), force=True)
    assert (store.folder() / "xfeat.onnx").read_bytes() == kept


def loose(made: Model, **changes: object) -> Model:
    """The same model, of whose files less was published."""
    return replace(made, files=tuple(replace(file, **changes) for file in made.files))  # type: ignore[arg-type]


def test_the_beginning_of_a_digest_is_enough_if_it_is_long_enough(published: Model) -> None:
    shorter = replace(published, files=tuple(replace(file, sha256=file.sha256[:8]) for file in published.files))
    assert len(download(shorter)) == 2
    assert store.path_of(shorter, "xfeat.onnx").is_file()
    with pytest.raises(ModelError, match="not the file that was published"):
        store.path_of(loose(published, sha256=published.files[0].sha256[:7]), "xfeat.onnx")
    with pytest.raises(ModelError, match="not the file that was published"):
        store.path_of(loose(published, sha256="0" * 8), "xfeat.onnx")


def test_a_size_that_nobody_told(published: Model) -> None:
    unknown = loose(published, bytes=0)
    assert (unknown.bytes, unknown.size) == (0, "size not published")
    with pytest.raises(
        ModelError, match=r"xfeat.onnx, .* are missing in .*; fetch it \(size not published, Apache-2.0\)"
    ):
        store.path_of(unknown, "xfeat.onnx")
    with pytest.raises(ModelError, match=r"that was published \(SHA-256"):
        download(otherwise(unknown, "long"))
    assert len(download(unknown)) == 2


def test_a_file_whose_digest_nobody_published_is_trusted_once(published: Model) -> None:
    unknown = loose(published, sha256="", bytes=0)
    with pytest.raises(ModelError, match=r"nobody published the SHA-256 of xfeat.onnx.* --accept-unverified") as caught:
        download(unknown)
    assert "\n" not in str(caught.value)
    assert not store.folder().exists()
    with pytest.raises(ModelError, match="ended after"):
        download(otherwise(unknown, "cut"), unverified=True)
    assert list(store.folder().iterdir()) == []
    assert len(download(unknown, unverified=True)) == 2
    assert download(unknown) == []
    path = store.path_of(unknown, "xfeat.onnx")
    seen = path.with_name("xfeat.onnx.sha256").read_text("utf-8")
    assert seen.split() == [store.digest_of(path), "xfeat.onnx"]
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"is not the file that was fetched first .* --force"):
        store.path_of(unknown, "xfeat.onnx")
    assert download(unknown) == [path]  # it is known by now what it has to be
    assert path.with_name("xfeat.onnx.sha256").read_text("utf-8") == seen
    with pytest.raises(ModelError, match=r"not the file that was fetched first .*; to trust another one, remove "):
        download(otherwise(unknown, "other"), unverified=True, force=True)
    assert path.with_name("xfeat.onnx.sha256").read_text("utf-8") == seen
    assert store.path_of(unknown, "xfeat.onnx") == path


def test_a_file_that_somebody_put_there_is_trusted_when_asked(published: Model) -> None:
    unknown = loose(published, sha256="", bytes=0, url="http://127.0.0.1:9/xfeat.onnx")
    store.folder().mkdir(parents=True)
    for file in unknown.files:
        (store.folder() / file.name).write_bytes(b"by hand")
    with pytest.raises(ModelError, match="not known to be what was published"):
        store.path_of(unknown, "xfeat.onnx")
    assert download(unknown, unverified=True) == []
    assert store.path_of(unknown, "xfeat.onnx").read_bytes() == b"by hand"


def test_a_licence_that_asks_for_something_has_to_be_agreed_to(published: Model) -> None:
    asking = replace(published, consent="it is under the GPL-3.0")
    with pytest.raises(ModelError, match=r"not fetched: it is under the GPL-3.0; if you agree: .* --accept-licence"):
        download(asking)
    assert not store.folder().exists()
    assert len(download(asking, licence=True)) == 2
    assert download(asking) == []


def test_offline(published: Model) -> None:
    away = replace(published, files=tuple(replace(f, url="http://127.0.0.1:9/xfeat.onnx") for f in published.files))
    with pytest.raises(ModelError, match=r"cannot be downloaded from .*refused.* put it into") as caught:
        download(away)
    assert "\n" not in str(caught.value)
    assert str(store.folder()) in str(caught.value)


def test_a_folder_that_cannot_be_made(published: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "file" / "models"))
    with pytest.raises(ModelError, match=r"xfeat\.onnx cannot be downloaded"):
        download(published)
    with pytest.raises(ModelError, match="xfeat"):
        store.path_of(published, "xfeat.onnx")


def test_a_missing_model_says_how_to_get_it(published: Model) -> None:
    with pytest.raises(ModelError, match=r"whence models download xfeat") as caught:
        store.path_of(published, "xfeat.onnx")
    assert "Apache-2.0" in str(caught.value)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(ModelError, match="cannot be used by ONNX Runtime"):
        onnx.session(broken)
    with pytest.raises(ModelError, match=r"expected an \.onnx file"):
        onnx.session(tmp_path / "none.onnx")


def test_without_the_runtime(networks: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    copy = tmp_path / "copy.onnx"
    copy.write_bytes((networks / "xfeat.onnx").read_bytes())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    onnx._session.cache_clear()
    with pytest.raises(MissingExtraError, match=r"whence\[onnx\]"):
        onnx.session(copy)


def test_the_command_lists(run: Run, networks: Path) -> None:
    done = run("models")
    assert done.code == 0
    assert "here         yes" in done.out
    assert "http" not in done.out
    (shown,) = json.loads(run("models", "show", "xfeat", "--format", "json").out)
    assert [file["problem"] for file in shown["files"]] == [None, None]
    assert shown["bytes"] == sum(file["bytes"] for file in shown["files"])
    assert "http://127.0.0.1:9/xfeat.onnx" in run("models", "show").out


def test_the_command_downloads(run: Run, published: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "models", lambda: {"xfeat": published})
    assert "whence models download xfeat" in run("models").out
    done = run("models", "download", "xfeat")
    assert (done.code, done.out) == (0, "")
    assert "Apache-2.0" in done.err
    assert run("models", "download", "xfeat").err.rstrip().endswith("already")
    (store.folder() / "xfeat.onnx").write_bytes(b"?")
    assert "is not the file that was published" in run("models").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch"], "expected list, show, download, export, mask"),
        (["download"], "name the models to download: xfeat"),
        (["show", "xfeet"], "did you mean 'xfeat'"),
        (["--format", "xml"], "expected table or json"),
    ],
)
def test_misuse_of_the_command(run: Run, networks: Path, words: list[str], said: str) -> None:
    done = run("models", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_offline_on_the_command_line(run: Run, networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "none"))
    done = run("models", "download", "xfeat")
    assert done.code == 2
    assert "cannot be downloaded" in done.err.splitlines()[-1]
