"""Galleries in object storage, on a server of this computer that speaks S3."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st

import whence
from object_server import ObjectServer
from samples import Done, Run, World, write_photos
from web_servers import started
from whence.errors import GalleryBusyError, GalleryError, InputError, NotAGalleryError
from whence.gallery import schema
from whence.gallery.bucket import Address, Bucket
from whence.gallery.gallery import Gallery
from whence.gallery.removal import remove
from whence.gallery.storage import LOCK, Folder, Storage
from whence.gallery.store import Store, lock
from whence.gallery.writer import Writer

SECRET = "a-secret-nobody-shows"


def answers(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [{name: value for name, value in answer.items() if name != "seconds"} for answer in done.answers]


def refused(done: Done, *words: str) -> None:
    """One line on stderr, which tells no secret."""
    assert done.code == 2, done
    assert len(done.lines) == 1, done.err
    assert SECRET not in done.err
    for word in words:
        assert word in done.err


@pytest.fixture
def place(objects: ObjectServer, request: pytest.FixtureRequest) -> str:
    """An address of the test's own."""
    return objects.place(f"{request.node.originalname}-{abs(hash(request.node.nodeid))}/g")


BUCKETS = st.text("abc019.-", min_size=1, max_size=9)


@pytest.fixture(scope="module")
def three(object_server: ObjectServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A gallery of three photos. Nobody writes to it."""
    folder, place = tmp_path_factory.mktemp("three"), object_server.place("three/g")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {**object_server.environment, "WHENCE_CACHE": str(folder / "cache")}.items():
            patched.setenv(name, value)
        whence.index(write_photos(folder / "photos", 3), place)
    return place


NAMES = st.text("abcXYZ019._=-", min_size=1, max_size=9).filter(lambda name: name.strip("."))


@given(
    st.sampled_from(["s3", "gs", "az"]), BUCKETS, st.lists(NAMES, min_size=1, max_size=3), st.sampled_from(["", "/"])
)
def test_addresses_are_taken_apart_and_put_together(scheme: str, bucket: str, parts: list[str], end: str) -> None:
    bucket = f"b{bucket}"
    found = Storage.of(f"{scheme}://{bucket}/{'/'.join(parts)}{end}")
    assert isinstance(found, Bucket)
    assert found.address == Address(scheme, bucket, "/".join(parts))
    assert Storage.of(str(found)) == found


@pytest.mark.parametrize(
    "address",
    [
        "s3://key:hidden@bucket/g",
        "s3://bucket/g?sig=hidden",
        "s3://bucket/../g",
        "s3://bucket//g",
        "s3://bucket/a b",
        "s3://bucket",
        "s3:///g",
        "https://bucket/g",
        "ftp://hidden@bucket/g",
    ],
)
def test_addresses_that_cannot_be_used_are_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InputError, match="expected s3://bucket/folder") as caught:
        Storage.of(address)
    assert "hidden" not in str(caught.value)


def test_a_path_has_lost_what_makes_an_address() -> None:
    with pytest.raises(InputError, match="expected two slashes"):
        Storage.of(Path("s3://bucket/g"))
    assert isinstance(Storage.of("s3:b"), Folder)  # a strange name for a folder


def test_without_the_extra_its_name_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    refused(run("info", "s3://bucket/g"), "galleries in object storage need an extra", "whence[cloud]")


@pytest.mark.slow
def test_a_gallery_is_indexed_asked_and_cleared_as_in_a_folder(
    run: Run, place: str, objects: ObjectServer, tmp_path: Path
) -> None:
    photos, folder = write_photos(tmp_path / "photos", 4), tmp_path / "g"
    for gallery in (folder, place):
        done = run("index", photos, "--gallery", gallery)
        assert done.code == 0, done.err
        assert done.lines[-1].startswith(f"4 added. {gallery}: 4 photos")
    assert run("index", photos, "--gallery", place).lines[-1].startswith("0 added; 4 unchanged.")
    asked = ("locate", photos, "--format", "jsonl", "--gallery")
    assert answers(run(*asked, place)) == answers(run(*asked, folder))
    facts = run("info", place, "--format", "json")
    assert f'"gallery": "{place}"' in facts.out
    assert '"photos": 4' in facts.out

    assert run("remove", "00.jpg", "--gallery", place).lines[-1].startswith("1 photo removed.")
    assert [photo.path for photo in Gallery.open(place).photos] == ["01.jpg", "02.jpg", "03.jpg"]
    Gallery.open(place).features([1])
    assert run("remove", "--purge", "--gallery", place).code == 0
    left = Gallery.open(place)
    objects.requests()
    left.features([1])
    assert objects.requests().total() > 0  # purging had emptied the cache


def test_features_come_from_the_cache_the_second_time(three: str, objects: ObjectServer) -> None:
    first = Gallery.open(three)
    far = first.features([2, 0]), first.thumbnails([1])
    second = Gallery.open(three)
    objects.requests()
    near = second.features([2, 0]), second.thumbnails([1])
    assert objects.requests().total() == 0
    for one, other in zip(far[0], near[0], strict=True):
        np.testing.assert_array_equal(one.descriptors, other.descriptors)
    assert far[1] == near[1]


def test_what_belongs_to_folders_alone_is_refused(run: Run, three: str, objects: ObjectServer, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    refused(run("repair", three), "whence repair works on folders of this computer", "copy it here")
    refused(run("index", objects.place("photos"), "--gallery", three), "photos are read from folders of this computer")
    refused(run("locate", objects.place("1.jpg"), "--gallery", three), "photos are read from folders of this computer")
    refused(run("info", objects.place("none")), "no gallery at", "whence index")
    obstore.put(Bucket(Address.parse(objects.place("strangers")))._objects, "thesis.txt", b"of years")
    refused(run("index", photos, "--gallery", objects.place("strangers")), "not empty (it holds thesis.txt)")
    refused(run("info", objects.place("strangers")), "is not a gallery")


def test_troubles_with_the_store_are_told_in_one_line(
    run: Run, three: str, objects: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    for command in (("info",), ("index", photos, "--gallery"), ("locate", photos, "--gallery")):
        refused(run(*command, "s3://there-is-no-such/g"), "s3://there-is-no-such/g", "there is no such bucket")
    gallery = Gallery.open(three)
    objects.allow("0")
    try:
        refused(run("info", three), three, "does not accept the credentials")
        refused(run("index", photos, "--gallery", three), "does not accept the credentials")
        with pytest.raises(GalleryError, match="does not accept the credentials"):
            gallery.thumbnails([0])
    finally:
        objects.allow("inf")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(GalleryError, match="the store cannot be reached"):
        Store.open(three)
    with monkeypatch.context() as without:
        without.delenv("AWS_ACCESS_KEY_ID")
        refused(run("info", three), three, "no credentials were found; set AWS_ACCESS_KEY_ID")
    refused(run("info", three), three, "the store cannot be reached")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    refused(run("info", "gs://bucket/g"), "the credentials cannot be read; GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "somebody")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "%")
    refused(run("info", "az://bucket/g"), "the credentials cannot be read; AZURE_STORAGE_ACCOUNT_NAME")


def test_credentials_are_found_nowhere(three: str, objects: ObjectServer, tmp_path: Path) -> None:
    Gallery.open(three).features([0, 1, 2])
    store = Bucket(Address.parse(three))._objects
    kept = b"".join(bytes(obstore.get(store, entry["path"]).bytes()) for part in obstore.list(store) for entry in part)
    kept += b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert len(kept) > 1000
    assert SECRET.encode() not in kept
    assert b"an-id" not in kept


@pytest.mark.slow
def test_a_reader_keeps_its_version_while_others_write(place: str, objects: ObjectServer, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, place)
    before = Gallery.open(place)
    whence.index(write_photos(photos, 2, first=3), place)
    remove(place, ["00.jpg"])
    assert [photo.path for photo in before.photos] == ["00.jpg", "01.jpg", "02.jpg"]
    assert len(before.descriptors) == len(before.features([0, 1, 2])) == 3
    assert len(Gallery.open(place)) == 4


@pytest.mark.parametrize("remote", [False, True])
def test_tables_are_seen_as_they_were_together(
    objects: ObjectServer, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: bool
) -> None:
    """A writer learns a new model and drops the old one while a reader is between two tables."""
    where = place if remote else str(tmp_path / "g")
    whence.index(write_photos(tmp_path / "photos", 3), where)
    store = Store.open(where)
    writer, open_table, due = Writer(store, "test"), Store.table, ["new"]

    def learn(model: str) -> None:
        writer.learn(model, {"of": np.array(model)}, 3)
        writer.describe_anew(model, 8, lambda features: np.full(8, 8**-0.5, np.float32))

    learn("old")

    def interrupted(self: Store, name: str) -> Any:
        found = open_table(self, name)
        if self is not store and name == schema.ARTEFACTS and due:
            learn(due.pop())
        return found

    monkeypatch.setattr(Store, "table", interrupted)
    gallery = Gallery.open(where)
    learned = gallery.artefact()
    assert not due
    assert gallery.model == "new"
    assert learned is not None
    assert learned["of"] == "new"


def test_a_writer_that_lost_its_lock_writes_no_more(place: str, objects: ObjectServer, tmp_path: Path) -> None:
    whence.index(write_photos(tmp_path / "photos", 2), place)
    here = Storage.of(place)
    assert isinstance(here, Bucket)
    with lock(here):
        store = Store.open(here)
        assert here._lease is not None
        here._lease._lost = True
        with pytest.raises(GalleryBusyError, match="run the same command again"):
            store.save_settings(store.settings)
    assert len(Gallery.open(place)) == 2


INDEX = """
import sys
import whence
from whence.locate import indexrun
from whence.gallery import lease
indexrun._BATCH, lease.SILENT_S, lease.BEAT_S = 2, 3.0, 0.5
print(whence.index(sys.argv[1], sys.argv[2], workers=1).total)
"""


def writing(photos: Path, place: str, cache: Path) -> subprocess.Popen[str]:
    """A writer as on a computer of its own: its cache is what it is known by."""
    return subprocess.Popen(
        [sys.executable, "-c", INDEX, str(photos), place],
        env={**os.environ, "WHENCE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("computer", ["this", "another"])
def test_what_a_killed_writer_left_is_finished_by_the_next(
    objects: ObjectServer, place: str, tmp_path: Path, computer: str
) -> None:
    photos = write_photos(tmp_path / "photos", 16)
    first = writing(photos, place, tmp_path / "this")
    end = monotonic() + 120
    while monotonic() < end:
        try:
            if len(Gallery.open(place)) >= 2:
                break
        except NotAGalleryError:
            sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    stored = {photo.path for photo in Gallery.open(place).photos}
    assert 2 <= len(stored) < 16
    done, said = writing(photos, place, tmp_path / computer).communicate(timeout=120)
    assert done == "16\n", said
    assert [photo.path for photo in Gallery.open(place).photos] == [f"{number:02d}.jpg" for number in range(16)]


@pytest.mark.slow
@pytest.mark.parametrize("computer", ["this", "another"])
def test_of_two_writers_one_is_told_and_nothing_is_lost(
    objects: ObjectServer, place: str, tmp_path: Path, computer: str
) -> None:
    photos, more = write_photos(tmp_path / "photos", 12), write_photos(tmp_path / "more", 3, first=20)
    first = writing(photos, place, tmp_path / "this")
    end, lock_object = monotonic() + 120, Storage.of(place)
    while LOCK not in (lock_object.entries() or ()) and monotonic() < end:
        sleep(0.02)
    second = writing(more, place, tmp_path / computer)
    assert "is being written by another process" in second.communicate(timeout=120)[1]
    assert first.communicate(timeout=120)[0] == "12\n"
    assert writing(more, place, tmp_path / computer).communicate(timeout=120)[0] == "15\n"
    assert len({photo.path for photo in Gallery.open(place).photos}) == 15


@pytest.mark.slow
def test_a_town_is_answered_and_served_as_from_a_folder(
    run: Run, world: World, place: str, objects: ObjectServer
) -> None:
    assert run("index", world.photos, "--gallery", place).code == 0
    asked = ("locate", world.queries, "--format", "jsonl", "--gallery")
    local = answers(run(*asked, world.gallery))
    assert answers(run(*asked, place)) == local
    query = world.queries / "query-00.jpg"
    with started(place) as server, httpx.Client(base_url=server.api, timeout=60) as client:
        found = client.post("/locate", files={"photo": query.read_bytes()}).json()
    assert found["position"] == local[0]["position"]
