"""kill -9 at random moments, hundreds of times if asked to: what was reported stays, and every gallery opens.

``WHENCE_CRASHES=300 pytest -m slow tests/rough/test_rough_crashes.py`` kills three hundred times; 20 by default. The
seed in ``WHENCE_CRASH_SEED`` decides what is done, not when exactly it is killed.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from children import check_whole

import whence
from samples import textured
from whence.errors import NotAGalleryError, WhenceError
from whence.gallery import schema, tidying
from whence.gallery import writer as writing
from whence.gallery.rows import NewPhoto
from whence.gallery.storage import load_lancedb
from whence.gallery.store import Store
from whence.locate import indexrun, learning
from whence.locate.repairing import check, repair
from whence.photos import files
from whence.recipes import Recipe, load_recipe
from whence.worlds import write_photo

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs kill -9")]
RUNS = int(os.environ.get("WHENCE_CRASHES", "20"))
SEED = int(os.environ.get("WHENCE_CRASH_SEED", "1"))
LOG = logging.getLogger(__name__)
MOST = 60
"""Photos that the folder grows to; then the next gallery begins."""


def small() -> Recipe:
    """One that learns from a dozen photos."""
    default = load_recipe("default")
    sections = {name: dict(values) for name, values in default.sections.items()}
    sections["describe"]["learn_from"] = 12
    return Recipe("small", "", sections)


def note(log: Path, **said: Any) -> None:
    """A line that is on the disk when this returns: what a user was told."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(said) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def work(task: str, photos: str, gallery: str, names: list[str], log: str) -> None:
    """In a process that will be killed. Small batches, merged often, so that there are many moments to be killed at."""
    indexrun._BATCH, learning._FEATURES, tidying._FRAGMENTS = 4, 100, 5
    put, told = writing.Writer.put, Path(log)

    def observed(self: writing.Writer, photos: Sequence[NewPhoto], model: str) -> None:
        put(self, photos, model)
        note(told, stored=[one.content_hash for one in photos])

    writing.Writer.put = observed  # type: ignore[method-assign]
    load_lancedb()
    note(told, up=True)
    if task == "index":
        new = not (Path(gallery) / f"{schema.PHOTOS}.lance").exists()
        whence.index(photos, gallery, recipe=small() if new else None, workers=2)
    elif task == "remove":
        removed = whence.remove(gallery, names)
        note(told, removed=list(removed.paths))
    elif task == "purge":
        whence.remove(gallery, purge=True)
    else:
        repair(Path(gallery))
    note(told, done=True)


class Crashes:
    """A folder of photos that changes, a gallery that is written to and killed, and what was promised meanwhile."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.folder, self.number = folder, 0
        self.photos, self.gallery, self.log = folder / "photos", folder / "gallery", folder / "log.jsonl"
        self.photos.mkdir(parents=True)
        self.hashes: dict[str, str] = {}
        self.promised: set[str] = set()
        self.gone: set[str] = set()
        self.usual = {"index": 2.0, "remove": 1.0, "purge": 1.0, "repair": 2.0}
        self.killed: Counter[str] = Counter()
        context = multiprocessing.get_context("forkserver")
        # What takes long to load is loaded once: LanceDB makes itself anew in a process that was forked.
        context.set_forkserver_preload(["lancedb", "whence.locate.indexing", "whence.locate.repairing", "cv2"])
        self.context: Any = context

    def grow(self, count: int) -> None:
        """New photos in the folder."""
        for _ in range(count):
            name = f"{self.number:03d}.jpg"
            write_photo(self.photos / name, textured(self.number, 64, 48), whence.LatLon(50 + self.number / 1000, 10.0))
            self.number += 1

    def stir(self) -> None:
        """What happens to folders: new files, others renamed, swapped and touched."""
        names = sorted(path.name for path in self.photos.iterdir())
        first, second = self.chance.sample(names, 2)
        if self.chance.random() < 0.5:
            self.grow(self.chance.randint(1, 8))
        if self.chance.random() < 0.3:
            (self.photos / first).rename(self.photos / "between")
            (self.photos / second).rename(self.photos / first)
            (self.photos / "between").rename(self.photos / second)
        elif self.chance.random() < 0.3:
            (self.photos / first).rename(self.photos / f"r{self.number:03d}.jpg")
            self.number += 1
        elif self.chance.random() < 0.3:
            (self.photos / first).touch()

    def task(self) -> tuple[str, list[str]]:
        """What to do next; whatever may be lost by it is no longer promised."""
        if not self.promised:
            return "index", []
        if self.chance.random() < 0.15:
            names = self.chance.sample(sorted(path.name for path in self.photos.iterdir()), 2)
            # What is stored by these names goes, which may be other files by now that were renamed since.
            self.promised -= {one.content_hash for one in whence.Gallery.open(self.gallery).photos if one.path in names}
            for name in names:  # the files go too, or they would come back
                self.promised.discard(content_hash(self.photos / name))
                (self.photos / name).unlink()
            return "remove", names
        return self.chance.choices(["index", "purge", "repair"], [8, 1, 1])[0], []

    def once(self) -> str:
        """One run that is killed, or comes to its end; then everything is looked at. Returns what was done."""
        if self.promised:
            self.stir()
        task, names = self.task()
        self.log.unlink(missing_ok=True)
        child = self.context.Process(
            target=work, args=(task, str(self.photos), str(self.gallery), names, str(self.log)), daemon=True
        )
        child.start()
        until = time.monotonic() + 120
        while not self.log.exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert self.log.exists(), "a process did not begin"
        begun = time.monotonic()
        child.join(self.chance.uniform(0, self.usual[task]))
        ended = child.exitcode is not None
        if ended:
            assert child.exitcode == 0, f"{task} failed by itself"
        else:
            child.kill()
            child.join()
            self.killed[task] += 1
        self.usual[task] *= 0.8 if ended else 1.15  # so that kills reach all of it, however fast the machine is
        said = [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if line.endswith("}")]
        self.promised |= {digest for one in said for digest in one.get("stored", ())}
        told = f"{task}, {'ended' if ended else 'killed'} after {time.monotonic() - begun:.2f} s, seed {SEED}"
        self.look(told)
        if any("removed" in one for one in said):
            kept = {photo.path for photo in whence.Gallery.open(self.gallery).photos}
            assert kept.isdisjoint(names), told
        return told

    def look(self, told: str) -> None:
        """The gallery opens, is whole, and has all that was promised, once each."""
        try:
            opened = whence.Gallery.open(self.gallery)
        except NotAGalleryError:  # killed at birth
            assert not self.promised, told
            return
        hashes = [photo.content_hash for photo in opened.photos]
        assert len(hashes) == len(set(hashes)), told
        paths = [photo.path for photo in opened.photos]
        assert len(paths) == len(set(paths)), told
        assert self.promised <= set(hashes), told
        found = check(self.gallery)
        # A photo without its descriptor is what a run killed between two transactions leaves; nobody was promised it.
        assert [line for line in found.damage if "are missing" not in line and "they are gone" not in line] == [], told
        check_whole(self.gallery)

    def settle(self) -> None:
        """A last run, which comes to its end: all photos are there, each at its place."""
        whence.index(self.photos, self.gallery, recipe=None if self.promised else small())
        table: Any = Store.open(self.gallery).table(schema.PHOTOS)
        rows = {row["path"]: row["hash"] for row in table.to_arrow().select(["path", "hash"]).to_pylist()}
        there = {path.name: content_hash(path) for path in self.photos.iterdir()}
        assert {path: rows.get(path) for path in there} == there
        assert check(self.gallery).is_whole


def content_hash(path: Path) -> str:
    return files.content_hash(path.read_bytes())


def not_open(gallery: Path) -> str:
    """Why a gallery does not open; empty if it does."""
    try:
        whence.Gallery.open(gallery)
    except WhenceError as error:
        return str(error)
    return ""


def test_killed_again_and_again(tmp_path: Path) -> None:
    galleries, crashes, kills = 0, Crashes(tmp_path / "0", SEED), Counter[str]()
    crashes.grow(14)
    while (kills + crashes.killed).total() < RUNS:
        LOG.info(crashes.once())
        if crashes.number > MOST:
            crashes.settle()
            galleries, kills = galleries + 1, kills + crashes.killed
            crashes = Crashes(tmp_path / str(galleries), SEED + galleries)
            crashes.grow(14)
    crashes.settle()
    kills += crashes.killed
    LOG.info("killed %s; %d galleries", dict(kills), galleries + 1)
    assert kills["index"] > RUNS / 2


def test_a_repair_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """Tables are set aside and replaced one by one; whatever moment it dies in, the next repair ends it."""
    crashes = Crashes(tmp_path / "0", SEED)
    crashes.grow(14)
    whence.index(crashes.photos, crashes.gallery, recipe=small())
    for number in range(max(4, RUNS // 5)):
        stored = sorted((crashes.gallery).glob("*.lance/_versions/*.manifest"))
        victim = crashes.chance.choice([path for path in stored if schema.SETTINGS not in str(path)])
        victim.write_bytes(victim.read_bytes()[:-30])
        child = crashes.context.Process(
            target=work, args=("repair", "", str(crashes.gallery), [], str(crashes.log)), daemon=True
        )
        child.start()
        child.join(crashes.chance.uniform(0.1, 2.5))
        child.kill()
        child.join()
        if trouble := not_open(crashes.gallery):
            assert "whence repair" in trouble, number
        repair(crashes.gallery)
        assert check(crashes.gallery).is_whole
        whence.index(crashes.photos, crashes.gallery)
        assert len(check_whole(crashes.gallery)) == 14, number
