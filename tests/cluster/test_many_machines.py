"""Work on a Ray cluster of several nodes on loopback: the same galleries and answers as one machine, whatever dies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import whence
from samples import place, textured, write_photos
from whence.cluster import Cluster
from whence.errors import InputError, MissingExtraError
from whence.evaluate.evaluation import evaluate
from whence.evaluate.plan import Plan
from whence.gallery import schema
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.store import Store
from whence.locate import learning
from whence.locate.batches import LocateJob, photos_asked
from whence.locate.progress import IndexReport, Progress
from whence.photos.queries import queries
from whence.types import Location
from whence.worlds import write_photo

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray"),  # Ray's words about itself, in threads of its own
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # log files and sockets that Ray leaves to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100_000_000, "node_ip_address": "127.0.0.1"}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two machines with a core each, of which the second says that it has a graphics card. All end with the tests."""
    Cluster()  # loads Ray as whence does: without its usage statistics, and on loopback alone
    from ray.cluster_utils import Cluster as Nodes

    made = Nodes(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False})
    try:
        made.add_node(**_NODE, num_gpus=1)
        yield made
    finally:
        made.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def cluster(nodes: Any) -> Iterator[Cluster]:
    """Joined for one test."""
    with Cluster(nodes.address) as joined:
        yield joined


def tables(gallery: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything that a gallery holds, in its order; rows that were replaced may come in another one."""
    store = Store.open(gallery)
    found = {}
    for name in sorted(store.names()):
        table = store.table(name)
        assert table is not None
        found[name] = table.to_arrow().to_pylist()
    for row in found[schema.ARTEFACTS]:
        kept = unpack_arrays(row["data"])
        kept.pop("mark", None)  # names the version of the table of photos, and fragments come in by other steps
        row["data"] = {key: (values.dtype.str, values.shape, values.tobytes()) for key, values in kept.items()}
    return found


def counts(report: IndexReport) -> tuple[object, ...]:
    skipped = sorted((each.name, each.reason) for each in report.skipped)
    return report.added, report.changed, report.moved, report.unchanged, report.total, report.learned, skipped


def stray_files(gallery: Path) -> int:
    """Files of the table of photos that no version of it names."""
    lance = pytest.importorskip("lance")
    named = set()
    table = gallery / f"{schema.PHOTOS}.lance"
    for version in lance.dataset(str(table)).versions():
        opened = lance.dataset(str(table), version=version["version"])
        named |= {file.path for part in opened.get_fragments() for file in part.metadata.files}
    return len({file.name for file in (table / "data").iterdir()} - named)


def answered(locations: Sequence[Location]) -> list[Location]:
    """Answers without the times that they took."""
    return [replace(location, seconds={}) for location in locations]


def write_noise(folder: Path, count: int, block: int = 6) -> Path:
    """A folder of photos full of corners, each at its own place; larger blocks are more pixels to look at."""
    folder.mkdir()
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (18, 24, 3), np.uint8)
        write_photo(folder / f"{number:02d}.jpg", np.repeat(np.repeat(noise, block, 0), block, 1), place(number))
    return folder


def test_same_gallery_as_one_machine(cluster: Cluster, tmp_path: Path) -> None:
    """Enough photos for trials, so that confidence is compared too."""
    photos = write_noise(tmp_path / "photos", 62)
    shutil.copy(photos / "00.jpg", photos / "copy.jpg")
    (photos / "broken.jpg").write_bytes((photos / "01.jpg").read_bytes()[:2000])
    write_photo(photos / "nowhere.jpg", textured(1))
    alone, many = tmp_path / "alone", tmp_path / "many"
    seen: list[Progress] = []
    expected = counts(whence.index(photos, alone))
    assert expected == counts(whence.index(photos, many, cluster=cluster, progress=seen.append))
    assert expected[0] == 62
    assert tables(alone) == tables(many)
    assert any(row["fingerprint"].startswith("trials") for row in tables(many)[schema.ARTEFACTS])
    read = [step for step in seen if step.stage == "photos"]
    assert read[-1].done == read[-1].total == 65
    assert any(0 < step.done < step.total for step in read)
    assert not stray_files(many)

    shutil.copy(photos / "61.jpg", photos / "00.jpg")  # another photo in its place, as far as its copy goes
    os.utime(photos / "05.jpg")
    write_photo(photos / "07.jpg", textured(3), place(3))
    write_photo(photos / "more.jpg", textured(7), place(7))
    assert counts(whence.index(photos, alone)) == counts(whence.index(photos, many, cluster=cluster))
    found, told = tables(many), tables(alone)
    for name, key in ((schema.PHOTOS, "path"), (schema.DESCRIPTORS, "hash"), (schema.SKIPPED, "path")):
        sides = [sorted(rows[name], key=lambda row: str(row[key])) for rows in (found, told)]
        assert sides[0] == sides[1]
    assert not stray_files(many)


def test_same_vocabulary_as_one_machine(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gallery that learns in the middle of a run, and of what one worker gave back."""
    monkeypatch.setattr(learning, "SAMPLE", 14)
    monkeypatch.setattr(learning, "_FEATURES", 0)
    photos = write_noise(tmp_path / "photos", 30)
    alone, many = tmp_path / "alone", tmp_path / "many"
    report = whence.index(photos, alone)
    assert report.learned
    assert counts(report) == counts(whence.index(photos, many, cluster=cluster))
    assert tables(alone) == tables(many)
    assert not stray_files(many)


def test_same_answers_as_one_machine(cluster: Cluster, tmp_path: Path) -> None:
    photos = write_noise(tmp_path / "photos", 24)
    whence.index(photos, tmp_path / "gallery")
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    asked = queries([str(photos), str(tmp_path / "broken.jpg")])
    gallery = whence.Gallery.open(tmp_path / "gallery")
    alone = [answer.location for answer in whence.Locator(gallery).answers(asked)]
    job = LocateJob.of(gallery, {}, "location")
    assert answered(alone) == answered([answer.location for answer in photos_asked(cluster, job, asked)])
    assert [location.path for location in alone] == [photo.name for photo in asked]

    plan = Plan(tmp_path / "gallery", leave_one_out="photo", draws=10, limit=12)
    (one,) = evaluate(replace(plan, out=tmp_path / "alone")).runs
    (other,) = evaluate(replace(plan, out=tmp_path / "many", cluster=cluster)).runs
    assert len(one.answers) == 12
    assert answered(one.answers) == answered(other.answers)


def test_a_machine_that_is_killed(nodes: Any, tmp_path: Path) -> None:
    """``kill -9`` of a node and its workers while they describe: nothing is lost, nothing is twice."""
    photos = write_noise(tmp_path / "photos", 58, block=24)
    doomed = nodes.add_node(**_NODE)
    killed: list[str] = []

    def kill(step: Progress) -> None:
        if step.stage == "photos" and step.done >= 6 and not killed:
            raylet = psutil.Process(doomed.all_processes["raylet"][0].process.pid)
            for process in (raylet, *raylet.children(recursive=True)):
                killed.append(process.name())
                process.kill()

    try:
        with Cluster(nodes.address) as cluster:
            assert cluster.workers == 3
            report = whence.index(photos, tmp_path / "many", cluster=cluster, progress=kill)
    finally:
        nodes.remove_node(doomed, allow_graceful=False)
    assert "raylet" in killed
    assert (report.added, report.skipped) == (58, [])
    whence.index(photos, tmp_path / "alone")
    assert tables(tmp_path / "alone") == tables(tmp_path / "many")
    assert not stray_files(tmp_path / "many")


@dataclass(frozen=True)
class Doubling:
    """A job that some items are too much for."""

    deadly: int = -1
    wrong: int = -1
    missing: int = -1

    def __call__(self, items: Sequence[int], /) -> list[tuple[int, int]]:
        if self.deadly in items:
            os._exit(1)
        if self.wrong in items:
            raise ValueError("not this one")
        if self.missing in items:
            raise MissingExtraError("such numbers", "numbers")
        return [(2 * item, os.getpid()) for item in items]


@pytest.fixture
def by_value() -> Iterator[None]:
    """Workers cannot import this file."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


@pytest.mark.usefixtures("by_value")
def test_items_that_workers_die_of(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whence.cluster.spread._RETRIES", 1)
    job = Doubling(deadly=13, wrong=29)
    found = [
        (item, result)
        for items, results in cluster.spread(range(40), lambda: job, lambda item: (-item, 0))
        for item, result in zip(items, results, strict=True)
    ]
    assert {item: result[0] for item, result in found} == {
        item: -item if item in (13, 29) else 2 * item for item in range(40)
    }
    assert len(found) == 40
    in_order = [item for item, _ in found if item // 3 not in (13 // 3, 29 // 3)]
    assert in_order == sorted(in_order)


@pytest.mark.usefixtures("by_value")
def test_what_workers_refuse_ends_the_work(cluster: Cluster) -> None:
    job = Doubling(missing=5)
    with pytest.raises(MissingExtraError, match=r"pip install 'whence\[numbers\]'"):
        list(cluster.spread(range(9), lambda: job, lambda item: (0, 0)))


@pytest.mark.usefixtures("by_value")
def test_workers_keep_to_graphics_cards_and_go_on(nodes: Any) -> None:
    """The node has one; half of it each makes two workers, but there is one core beside it."""
    job = Doubling()
    with Cluster(nodes.address, gpus=0.5) as cluster:
        assert cluster.workers == 2
        pieces = [results for _, results in cluster.spread(range(40), lambda: job, lambda item: (0, 0))]
    assert [double for results in pieces for double, _ in results] == [2 * item for item in range(40)]
    assert len({process for results in pieces for _, process in results}) < len(pieces)
    with pytest.raises(InputError, match="2 graphics cards"), Cluster(nodes.address, gpus=2):
        pass


def test_an_address_where_no_cluster_is(nodes: Any) -> None:
    with pytest.raises(InputError, match=r"--ray nonsense: no Ray cluster .*ray start --head"), Cluster("nonsense"):
        pass


def test_nobody_phones_home(tmp_path: Path) -> None:
    """Cut off from the network, with a wire to nowhere on which every packet is counted.

    Whatever goes to another machine, be it only the question for its address, has to go over that wire. In the end a
    packet and such a question are sent on purpose, and are seen.
    """
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("unshare and ip are needed to cut a process off")
    photos = write_photos(tmp_path / "photos", 6)
    inner = tmp_path / "inner.py"
    inner.write_text(_CUT_OFF, "utf-8")
    words = ["unshare", "--user", "--map-root-user", "--net", "--mount", sys.executable, str(inner)]
    if subprocess.run([*words, "try"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a network of his own")
    asked = [*words, "index", str(photos), "--gallery", str(tmp_path / "gallery"), "--ray"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.split() == ["before", "0", "whence", "0", "control", "True"], (done.stdout, done.stderr)
    assert "6 added" in done.stderr
    assert len(whence.Gallery.open(tmp_path / "gallery")) == 6


_CUT_OFF = """
import fcntl, os, socket, struct, subprocess, sys, tempfile

def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

def sent():
    packets = 0
    while True:
        try:
            os.read(wire, 65536)
        except BlockingIOError:
            return packets
        packets += 1

run("ip", "link", "set", "lo", "up")
wire = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(wire, 0x400454CA, struct.pack("16sH", b"nowhere", 0x1001))  # TUNSETIFF: IFF_TUN, without a header
with open("/proc/sys/net/ipv6/conf/nowhere/disable_ipv6", "w") as switch:  # the kernel itself would look for routers
    switch.write("1")
run("ip", "address", "add", "198.51.100.2/24", "dev", "nowhere")
run("ip", "link", "set", "nowhere", "txqueuelen", "10000", "up")
run("ip", "route", "add", "default", "via", "198.51.100.1")
with tempfile.NamedTemporaryFile("w", suffix=".conf") as names:
    names.write("nameserver 198.51.100.1\\noptions timeout:1 attempts:1\\n")
    names.flush()
    os.chmod(names.name, 0o644)
    run("mount", "--bind", names.name, os.path.realpath("/etc/resolv.conf"))
    if sys.argv[1] == "try":
        sys.exit()
    print("before", sent(), flush=True)
    subprocess.run([sys.executable, "-m", "whence", *sys.argv[1:]], check=True)
    print("whence", sent(), flush=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        control.sendto(b"home", ("203.0.113.1", 53))
    try:
        socket.getaddrinfo("usage.example", 443)
    except OSError:
        pass
    print("control", sent() >= 2, flush=True)
"""
