"""What in whence reads bytes of others, with valid samples of them: for the fuzzing in ``test_rough_bytes``."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from regions import recipe, write_regions
from whence.collect.areas import Box, Cell
from whence.collect.fetching import _begun
from whence.collect.folder import _read_note
from whence.collect.http import Reply, _parsed
from whence.collect.journal import Journal
from whence.collect.licences import KNOWN
from whence.collect.request import classes
from whence.collect.source import Wanted
from whence.collect.sources.commons import Commons
from whence.collect.sources.flickr import Flickr
from whence.collect.sources.mapillary import Mapillary
from whence.collect.sources.panoramax import Panoramax
from whence.direct.model import ARRAYS, WORDS, Model
from whence.direct.reading import _read as read_vectors
from whence.direct.training import fit
from whence.errors import CollectError, GalleryError, InputError, ModelError, PhotoError, RecipeError
from whence.evaluate.answers import read_answers
from whence.evaluate.galleries import _read as read_gallery_note
from whence.evaluate.inputs import Given, read_database
from whence.evaluate.running import _note
from whence.gallery.artefacts import pack_arrays, unpack_arrays
from whence.gallery.codec import pack, unpack
from whence.gallery.quarantine import Contribution, Verdict, _written, read_contribution
from whence.gallery.store import read_settings
from whence.gallery.sums import sealed
from whence.locate.pipeline import Pipeline
from whence.nets.architecture import Architecture, read_table
from whence.photos.decode import decode
from whence.photos.sidecars import Sidecars
from whence.photos.table import CsvSource
from whence.photos.takeout import BrokenTakeoutError, NotTakeoutError, read_takeout
from whence.photos.tracks import Tracks
from whence.photos.writing.journal import undo
from whence.photos.xmp import read_xmp
from whence.recipes import load_recipe
from whence.types import LatLon, LocalFeatures, Photo

Read = Callable[[bytes, Path], Any]


@dataclass(frozen=True, slots=True)
class Parser:
    """One reader of foreign bytes.

    Attributes:
        samples: What it reads gladly; mutations begin with them.
        read: Reads bytes; a folder is there to put them in.
        errors: What it may raise, and nothing else.
        dear: Whether one reading takes more than some milliseconds.
    """

    samples: Sequence[bytes]
    read: Read
    errors: tuple[type[Exception], ...] = ()
    dear: bool = False


def at(name: str, read: Callable[[Path], Any]) -> Read:
    """For readers of files."""

    def write_and_read(data: bytes, folder: Path) -> Any:
        (folder / name).write_bytes(data)
        return read(folder / name)

    return write_and_read


def exif() -> bytes:
    made = Image.Exif()
    made[0x0112], made[0x0132] = 6, "2008:10:23 14:27:07"
    made.get_ifd(0x8769).update({0x9003: "2008:10:23 14:27:07", 0x9011: "+02:00", 0xA405: 28})
    made.get_ifd(0x8825).update(
        {1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4), 5: b"\0", 6: 120.5, 17: 90.0}
    )
    return bytes(made.tobytes())


def read_exif(data: bytes, folder: Path) -> Any:
    """As the block of a small JPEG; what does not fit one is cut."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "JPEG")
    whole, block = stream.getvalue(), data[:65_000]
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    return decode(whole[:2] + segment + whole[2:])


XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="43,28.5N" exif:GPSLongitude="11,53.1E"
exif:GPSAltitude="1205/10" exif:GPSAltitudeRef="0" exif:GPSImgDirection="90/1"
exif:DateTimeOriginal="2008-10-23T14:27:07+02:00"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
TAKEOUT = {
    "title": "a.jpg",
    "photoTakenTime": {"timestamp": "1224757627"},
    "geoData": {"latitude": 43.4, "longitude": 11.8, "altitude": 120.5},
    "geoDataExif": {"latitude": 43.4, "longitude": 11.8, "altitude": 120.5},
}
GPX = b"""<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="43.1" lon="11.2"><ele>120.5</ele><time>2008-10-23T12:27:07Z</time></trkpt>
<trkpt lat="43.2" lon="11.3"><time>2008-10-23T12:28:07.5+02:00</time></trkpt></trkseg></trk></gpx>"""
CSV = b'path,lat,lon,group,heading,time,z,fx,fy,cx,cy\n"a b.jpg",43.1,11.2,g,90,2008-10-23T12:27:07,5,500,500,160,120\n'
PLAN = "path;x;y;label\r\na.jpg;1,5;2,5;é\r\nb.jpg;3;4;f\r\n".encode()


def read_csv(path: Path) -> Any:
    found = []
    for need in (True, False):
        found += list(CsvSource(path, need_position=need).photos())
    return found


def read_sidecar(suffix: str) -> Read:
    def read(data: bytes, folder: Path) -> Any:
        (folder / f"a.jpg{suffix}").write_bytes(data)
        return Sidecars(folder, ["a.jpg"], [f"a.jpg{suffix}"]).complete(Photo(folder / "a.jpg", "a.jpg"))

    return read


def read_tracks(path: Path) -> Any:
    tracks = Tracks.read([path])
    return tracks.at(datetime.fromisoformat("2008-10-23T12:27:30+00:00"))


def read_recipe(path: Path) -> Any:
    return Pipeline(load_recipe(str(path)))


RECIPE = b"""summary = "One."
[photos]
max_side = 512
[describe]
method = "phash"
[retrieve]
method = "similar"
top_k = 20
[locate]
method = "best-photo"
[confidence]
unsure_below = 0.5
"""
MATCHING = b"""needs = ["hloc"]
[features]
method = "sift"
keypoints = 100
contrast_threshold = 0.01
[describe]
method = "vlad"
words = 128
dimension = 512
[retrieve]
method = "similar"
top_k = 20
[match]
method = "mutual-nn"
ratio = 0.8
rotation_tolerance_deg = 30.0
[verify]
method = "robust"
threshold_px = 1.5
[locate]
method = "places"
[source]
title = "x"
"""
NETWORK = b"""backbone = "resnet18"
[head]
method = "gem"
[input]
width_px = 320
height_px = 240
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""
ANSWER = {
    "path": "q.jpg",
    "status": "located",
    "position": {"lat": 43.1, "lon": 11.2},
    "radius_m": 20.0,
    "confidence": 0.9,
    "heading_deg": None,
    "place": None,
    "turned_deg": 0,
    "candidates": [
        {
            "path": "a",
            "position": {"lat": 1, "lon": 2},
            "similarity": 0.5,
            "inliers": 9,
            "retrieval_rank": 1,
            "group": "",
        }
    ],
    "choices": [{"label": "x", "probability": 0.5, "position": None}],
    "seconds": {"search": 0.1},
    "duplicate_of": [],
    "error": None,
    "shortlist": [[1.0, 2.0]],
}
SETTINGS = {
    "crs": "wgs84",
    "tolerance_m": 25.0,
    "tolerance_given": False,
    "recipe": "default",
    "sections": {"photos": {"max_side": 1024}, "locate": {"shortlist": 50, "unsure_below": 0.5}},
    "extractor": "sift",
    "root": "/r",
    "written_by": "0.1.0",
    "schema_version": 1,
}
TAG = {"path": "/nowhere/a.jpg", "after": "00", "before": "11", "splices": [[0, 1, base64.b64encode(b"x").decode()]]}


POINT = {"type": "Point", "coordinates": [12.3, 45.4]}
FLICKR = {
    "stat": "ok",
    "licenses": {"license": [{"id": "5", "name": "", "url": "https://creativecommons.org/licenses/by-sa/2.0/"}]},
    "photos": {
        "page": 1,
        "pages": 2,
        "total": "2",
        "photo": [
            {
                "id": "77",
                "owner": "1@N2",
                "ownername": "Ann",
                "title": "Bridge",
                "license": "5",
                "latitude": "45.4",
                "longitude": 12.3,
                "accuracy": "16",
                "datetaken": "2020-05-01 12:00:00",
                "datetakengranularity": 0,
                "datetakenunknown": "0",
                "url_l": "https://live.staticflickr.com/77_b.jpg",
            }
        ],
    },
}
COMMONS = {
    "batchcomplete": False,
    "continue": {"gsroffset": 9990, "continue": "gsroffset||"},
    "query": {
        "searchinfo": {"totalhits": 2},
        "pages": [
            {
                "pageid": 9,
                "title": "File:Bridge.jpg",
                "coordinates": [{"lat": 45.4, "lon": 12.3, "primary": True}],
                "imageinfo": [
                    {
                        "url": "https://upload.wikimedia.org/b.jpg",
                        "thumburl": "https://upload.wikimedia.org/1280px-b.jpg",
                        "mime": "image/jpeg",
                        "descriptionurl": "https://commons.wikimedia.org/wiki/File:Bridge.jpg",
                        "extmetadata": {
                            "Artist": {"value": "<a href='x'>Ann</a> &amp; Bob"},
                            "LicenseShortName": {"value": "CC BY-SA 4.0"},
                            "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0"},
                            "DateTimeOriginal": {"value": "2020-05-01 12:00:00"},
                            "ObjectName": {"value": "Bridge"},
                        },
                    }
                ],
            }
        ],
    },
}
MAPILLARY = {
    "data": [
        {
            "id": "77",
            "geometry": POINT,
            "computed_geometry": POINT,
            "compass_angle": 361.5,
            "computed_compass_angle": 90.5,
            "captured_at": 1588334400000,
            "sequence": "s",
            "creator": {"username": "ann", "id": "1"},
            "is_pano": False,
            "thumb_1024_url": "https://scontent.mapillary.com/77.jpg",
        }
    ]
}
PANORAMAX = {
    "type": "FeatureCollection",
    "features": [
        {
            "id": "7-7",
            "collection": "c",
            "geometry": POINT,
            "properties": {
                "datetimetz": "2020-05-01T12:00:00+02:00",
                "license": "CC-BY-SA-4.0",
                "view:azimuth": 90,
                "quality:horizontal_accuracy": 4.0,
                "pers:interior_orientation": {"field_of_view": 70},
            },
            "providers": [{"name": "Ann", "roles": ["producer"]}],
            "assets": {"hd": {"href": "/77.jpg"}, "sd": {"href": "https://panoramax.xyz/77s.jpg"}},
            "links": [{"rel": "license", "href": "https://creativecommons.org/licenses/by-sa/4.0/"}],
        }
    ],
    "links": [{"rel": "next", "href": "?token=1"}],
}


class _Telling:
    """Stands where a service is asked, and gives the one answer; what fetches answers has tests of its own."""

    def __init__(self, data: bytes) -> None:
        self.reply = Reply(200, _parsed(data))

    def ask(self, *_: Any, **__: Any) -> Reply:
        return self.reply


def read_service(kind: type[Any]) -> Read:
    """As a run of ``whence collect`` does: photos of a small box."""

    def read(data: bytes, folder: Path) -> Any:
        wanted = Wanted(licences=frozenset(KNOWN))
        source = kind(_Telling(data), kind.base, None, wanted)
        found = source.search(Cell(Box(45.39, 12.29, 45.41, 12.31)), None)
        for photo in found.photos:
            source.renew(photo)
        return found.photos or None

    return read


def weights() -> list[bytes]:
    """As whence writes a network (of one small tensor, so that mutations meet the header), and as torch does."""
    import torch
    from safetensors.torch import save

    words = json.dumps({"architecture": {"backbone": "resnet18", "head": {"method": "gem"}}})
    stream = io.BytesIO()
    torch.save({"state_dict": {"module.a": torch.ones(3)}}, stream)
    return [bytes(save({"a": torch.ones(3)}, metadata={"whence": words})), stream.getvalue()]


def read_weights(data: bytes, folder: Path) -> Any:
    from whence.nets.weights import said_of, tensors

    if data[:2] == b"PK":  # torch's own format
        (folder / "n.pth").write_bytes(data)
        return tensors(folder / "n.pth")
    (folder / "n.safetensors").write_bytes(data)
    return said_of(folder / "n.safetensors"), tensors(folder / "n.safetensors")


def features() -> list[bytes]:
    made = []
    for whole, counts in ((None, ()), (np.ones(6, np.float32), ()), (np.ones(6, np.float32), (2, 3)), (None, (5,))):
        points = np.random.default_rng(1).uniform(1, 40, (5, 4)).astype(np.float32)
        made.append(pack(LocalFeatures(points, np.arange(20, dtype=np.int8).reshape(5, 4), 64, 48, whole, counts)))
    return made


def vectors() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, vectors=np.ones((2, 3), np.float32), broken=np.array('{"1": "x"}'), mean=np.ones(3))
    return stream.getvalue()


class _Seeing:
    """Stands where a describer is restored; what it does with arrays has tests of its own."""

    shipped = None

    def restored(self, arrays: Any) -> Any:
        return arrays


def said(*objects: Any) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def read_plan(path: Path) -> Any:
    return Architecture.of(read_table(path), str(path))


def find_place(name: str) -> LatLon:
    if name != "Split":
        raise InputError(f"no town {name}")
    return LatLon(43.5, 16.4)


def parsers(folder: Path) -> dict[str, Parser]:
    """All of them.

    Args:
        folder: For samples that are made by whence itself.
    """
    model = folder / "model"
    table = read_database(Given(write_regions(folder / "regions", places=3)))
    made = recipe({"method": "named"}, {"method": "nearest-mean"})
    fit(made, list(table.photos), workers=2, device="cpu").model.save(model)

    def read_model(name: str) -> Read:
        def read(data: bytes, place: Path) -> Any:
            shutil.copytree(model, place / "model", dirs_exist_ok=True)
            (place / "model" / name).write_bytes(data)
            loaded = Model.load(place / "model")
            return loaded.judged(np.zeros(loaded.target.width)), loaded.facts()

        return read

    text = "utf-8"
    return {
        "exif": Parser([exif()], read_exif, (PhotoError,)),
        "xmp": Parser([XMP], lambda data, _: read_xmp(data)),
        "xmp-sidecar": Parser([XMP], read_sidecar(".xmp")),
        "takeout-sidecar": Parser([said(TAKEOUT)], read_sidecar(".json")),
        "takeout": Parser([said(TAKEOUT)], at("a.json", read_takeout), (NotTakeoutError, BrokenTakeoutError)),
        "csv": Parser([CSV, PLAN, CSV.replace(b",", b"\t")], at("t.csv", read_csv), (InputError,)),
        "gpx": Parser([GPX], at("t.gpx", read_tracks), (InputError,)),
        "recipe": Parser([RECIPE, MATCHING], at("r.toml", read_recipe), (RecipeError, ModelError), dear=True),
        "network": Parser([NETWORK], at("n.toml", read_plan), (ModelError, RecipeError)),
        "classes": Parser(
            [b'label,place,radius_km,query\nSplit,Split,5,\nb,"43.5,16.4",,x\n', b'label,bbox\nx,"1,2,3,4"\n'],
            at("c.csv", lambda path: classes(path, 2.0, "q", 9, find_place)),
            (InputError,),
        ),
        "answers": Parser([said(ANSWER, ANSWER)], at("a.jsonl", read_answers)),
        "run-note": Parser([said({"seconds": 1})], at("n.json", _note)),
        "gallery-note": Parser([said({"seconds": 1.5, "photos": 3})], at("n.json", read_gallery_note)),
        "kept-vectors": Parser([vectors()], at("v.npz", lambda path: read_vectors(path, _Seeing()))),  # type: ignore[arg-type]
        "model-words": Parser([(model / WORDS).read_bytes()], read_model(WORDS), (ModelError,), dear=True),
        "model-arrays": Parser([(model / ARRAYS).read_bytes()], read_model(ARRAYS), (ModelError,), dear=True),
        "tag-journal": Parser([said(TAG, TAG)], at("j.jsonl", lambda path: list(undo(path))), (InputError,)),
        "collect-journal": Parser([said({"id": "a"}, {"id": "b"})], at("j.jsonl", lambda p: list(Journal(p).lines()))),
        "collect-note": Parser(
            [said({"format": 1, "until_s": 5, "request": {"areas": []}})], at("n.json", _read_note), (InputError,)
        ),
        "part-note": Parser(
            [said({"etag": "x", "modified": "", "total": 9})], at("p.json", lambda p: _begun(p.with_suffix("")))
        ),
        "reply": Parser([said({"features": [1.5, None, {"a": "b"}]})], lambda data, _: _parsed(data)),
        **{
            name: Parser([said(answer)], read_service(kind), (CollectError,))
            for name, answer, kind in (
                ("flickr", FLICKR, Flickr),
                ("commons", COMMONS, Commons),
                ("mapillary", MAPILLARY, Mapillary),
                ("panoramax", PANORAMAX, Panoramax),
            )
        },
        "weights": Parser(weights(), read_weights, (ModelError,)),
        "features": Parser(features(), lambda data, _: unpack(data), (GalleryError,)),
        "artefacts": Parser(
            [pack_arrays({"a": np.arange(5.0), "b": np.zeros((2, 3), np.int8)})],
            lambda data, _: unpack_arrays(data),
            (GalleryError,),
        ),
        "settings": Parser(
            [said(SETTINGS), sealed({**SETTINGS, "schema_version": 2}).encode()],
            lambda data, place: read_settings(place, data.decode(text, "replace")),
            (GalleryError,),
        ),
        "contribution": Parser(
            [_written(Contribution("a", "/a.jpg", Verdict.REVIEW, facts={"lat": 1.0}, witnesses=("b",))).encode()],
            lambda data, _: read_contribution(data.decode(text, "replace")),
            (GalleryError,),
        ),
    }
