"""Indexing photos whose positions lie in XMP, in sidecars, in Takeout's JSON or in GPX tracks; and doing so again."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import whence
from samples import Run, textured
from whence.errors import InputError
from whence.locate.progress import IndexReport

NOON = datetime(2024, 5, 1, 12, 0)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:exif="http://ns.adobe.com/exif/1.0/"'


def packet(**said: object) -> bytes:
    facts = " ".join(f'exif:{name}="{value}"' for name, value in said.items())
    return f"<rdf:RDF {RDF}><rdf:Description {facts}/></rdf:RDF>".encode()


def photo(path: Path, seed: int, *, gps: tuple[float, float] | None = None, xmp: bytes = b"", clock: str = "") -> None:
    exif = Image.Exif()
    if gps is not None:
        exif[0x8825] = {1: "N", 2: (gps[0], 0.0, 0.0), 3: "E", 4: (gps[1], 0.0, 0.0), 31: 4.0}
    if clock:
        exif[0x8769] = {0x9003: clock}
    stream = io.BytesIO()
    Image.fromarray(textured(seed)).save(stream, "JPEG", exif=exif, xmp=xmp)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())


def takeout(path: Path, lat: float, lon: float) -> None:
    geo = {"latitude": lat, "longitude": lon, "altitude": 0.0}
    path.write_text(json.dumps({"title": "", "photoTakenTime": {"timestamp": "1714572300"}, "geoData": geo}))


def track(path: Path, start: datetime = NOON, lat: float = 50.0) -> Path:
    """Ten minutes northward, 0.001 degrees a minute."""
    points = "".join(
        f'<trkpt lat="{lat + 0.001 * minute}" lon="10"><ele>{100 + minute}</ele>'
        f"<time>{(start + timedelta(minutes=minute)).isoformat()}Z</time></trkpt>"
        for minute in range(11)
    )
    path.write_text(f"<gpx><trk><trkseg>{points}</trkseg></trk></gpx>")
    return path


def stored(gallery: Path) -> dict[str, dict[str, Any]]:
    import lancedb

    rows = lancedb.connect(gallery).open_table("photos").to_arrow().drop_columns(["features", "thumbnail"]).to_pylist()
    return {row["path"]: row for row in rows}


def where(gallery: Path) -> dict[str, tuple[str, float]]:
    return {path: (row["position_source"], round(row["lat"], 6)) for path, row in stored(gallery).items()}


def counts(report: IndexReport) -> tuple[int, int, int, int]:
    return report.added, report.moved, report.unchanged, len(report.skipped)


def test_every_source_and_which_wins(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    here = packet(GPSLatitude="20,0.0N", GPSLongitude="10,0.0E", GPSHPositioningError="7")
    clock = "2024:05:01 12:05:00"
    photo(photos / "all.jpg", 0, gps=(10, 10), xmp=here, clock=clock)
    photo(photos / "exif.jpg", 1, gps=(10, 10), xmp=here, clock=clock)
    photo(photos / "xmp.jpg", 2, xmp=here, clock=clock)
    photo(photos / "takeout.jpg", 3, clock=clock)
    photo(photos / "gpx.jpg", 4, clock=clock)
    photo(photos / "none.jpg", 5, clock="2024:05:01 18:05:00")
    for name in ("all", "exif", "xmp", "takeout"):
        takeout(photos / f"{name}.jpg.json", 30, 10)
    (photos / "all.xmp").write_bytes(packet(GPSLatitude="40,0.0N", GPSLongitude="10,0.0E", GPSImgDirection="90"))
    gallery = tmp_path / "gallery"
    report = whence.index(photos, gallery, gpx=[track(tmp_path / "a.gpx")])
    assert where(gallery) == {
        "all.jpg": ("sidecar", 40.0),
        "exif.jpg": ("exif", 10.0),
        "xmp.jpg": ("xmp", 20.0),
        "takeout.jpg": ("takeout", 30.0),
        "gpx.jpg": ("gpx", 50.005),
    }
    rows = stored(gallery)
    assert {name: row["accuracy_m"] for name, row in rows.items()} == {
        "all.jpg": None,
        "exif.jpg": 4.0,
        "xmp.jpg": 7.0,
        "takeout.jpg": None,
        "gpx.jpg": None,
    }
    assert (rows["all.jpg"]["heading_deg"], rows["gpx.jpg"]["altitude_m"]) == (90.0, 105.0)
    assert [skipped.name for skipped in report.skipped] == ["none.jpg"]
    assert report.skipped[0].reason == (
        "no GPS position, and no track point within 5 minutes of 2024-05-01 18:05:00 UTC "
        "(tracks cover 2024-05-01 12:00:00 to 2024-05-01 12:10:00); see --gpx-offset"
    )
    again = whence.index(photos, gallery, gpx=[tmp_path / "a.gpx"])
    assert counts(again) == (0, 0, 5, 1)
    assert stored(gallery) == rows
    assert counts(whence.index(photos, gallery)) == (0, 0, 5, 1)  # without tracks nothing that they placed is lost
    assert stored(gallery) == rows


def test_tracks_and_offsets_that_come_later(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery, path = tmp_path / "photos", tmp_path / "gallery", tmp_path / "a.gpx"
    photo(photos / "a.jpg", 0, clock="2024:05:01 14:05:00")
    photo(photos / "b.jpg", 1, gps=(10, 10))
    first = whence.index(photos, gallery)
    assert [skipped.reason for skipped in first.skipped] == ["no GPS position"]
    track(path)
    assert counts(whence.index(photos, gallery, gpx=[path])) == (0, 0, 1, 1)  # read again, but two hours off
    decoded.clear()
    assert counts(whence.index(photos, gallery, gpx=[path])) == (0, 0, 1, 1)
    assert not decoded
    assert counts(whence.index(photos, gallery, gpx=[path], gpx_offset_s=7200)) == (1, 0, 1, 0)
    assert where(gallery)["a.jpg"] == ("gpx", 50.005)
    decoded.clear()
    assert counts(whence.index(photos, gallery, gpx=[path], gpx_offset_s=7140)) == (0, 1, 1, 0)
    assert where(gallery)["a.jpg"] == ("gpx", 50.006)
    assert stored(gallery)["a.jpg"]["altitude_m"] == pytest.approx(106)
    track(path, lat=60.0)
    assert counts(whence.index(photos, gallery, gpx=[path], gpx_offset_s=7140)) == (0, 1, 1, 0)
    assert where(gallery)["a.jpg"] == ("gpx", 60.006)
    assert not decoded  # a new place needs no look at the pixels


def test_a_time_with_a_zone_is_the_better_one(tmp_path: Path) -> None:
    photos, gallery = tmp_path / "photos", tmp_path / "gallery"
    photo(photos / "a.jpg", 0, clock="2024:05:01 23:05:00")
    takeout(photos / "a.jpg.json", 0, 0)  # taken at 14:05 UTC, who knows where
    path = track(tmp_path / "a.gpx", datetime(2024, 5, 1, 14, 0))
    assert counts(whence.index(photos, gallery, gpx=[path], gpx_offset_s=5)) == (1, 0, 0, 0)
    assert where(gallery) == {"a.jpg": ("gpx", 50.005)}
    assert counts(whence.index(photos, gallery, gpx=[path], gpx_offset_s=60)) == (0, 0, 1, 0)


def test_sidecars_that_come_change_and_go(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery = tmp_path / "photos", tmp_path / "gallery"
    photo(photos / "placed.jpg", 0, gps=(10, 10))
    photo(photos / "lost.jpg", 1)
    assert counts(whence.index(photos, gallery)) == (1, 0, 0, 1)
    for name in ("placed.xmp", "lost.xmp"):
        (photos / name).write_bytes(packet(GPSLatitude="40.5", GPSLongitude="10"))
    assert counts(whence.index(photos, gallery)) == (1, 1, 0, 0)
    assert where(gallery) == {"placed.jpg": ("sidecar", 40.5), "lost.jpg": ("sidecar", 40.5)}
    decoded.clear()
    (photos / "lost.xmp").write_bytes(packet(GPSLatitude="41.5", GPSLongitude="10"))
    assert counts(whence.index(photos, gallery)) == (0, 1, 1, 0)
    (photos / "lost.xmp").write_bytes(b"<broken")
    report = whence.index(photos, gallery)
    assert counts(report) == (0, 0, 2, 1)
    assert report.skipped[0].name == "lost.xmp"
    (photos / "lost.xmp").unlink()
    takeout(photos / "lost.jpg.json", 30, 10)
    # A last resort completes what a person said, and does not outdo it.
    assert counts(whence.index(photos, gallery)) == (0, 1, 1, 0)
    assert counts(whence.index(photos, gallery)) == (0, 0, 2, 0)
    assert where(gallery) == {"placed.jpg": ("sidecar", 40.5), "lost.jpg": ("sidecar", 41.5)}
    assert not decoded


def test_what_a_sidecar_without_a_position_says_is_noticed(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery, path = tmp_path / "photos", tmp_path / "gallery", track(tmp_path / "a.gpx")
    photo(photos / "placed.jpg", 0, gps=(10, 10))
    photo(photos / "on track.jpg", 1, clock="2024:05:01 12:05:00")
    whence.index(photos, gallery, gpx=[path])
    assert where(gallery)["on track.jpg"] == ("gpx", 50.005)
    decoded.clear()
    (photos / "placed.xmp").write_bytes(packet(GPSImgDirection="90", DateTimeOriginal="2024-05-01T12:00:00Z"))
    (photos / "on track.xmp").write_bytes(packet(DateTimeOriginal="2024-05-01T14:08:00+02:00"))
    assert counts(whence.index(photos, gallery, gpx=[path])) == (0, 2, 0, 0)
    assert stored(gallery)["placed.jpg"]["heading_deg"] == 90
    assert where(gallery) == {"placed.jpg": ("exif", 10), "on track.jpg": ("gpx", 50.008)}
    assert counts(whence.index(photos, gallery, gpx=[path])) == (0, 0, 2, 0)
    assert not decoded


def test_takeout_that_comes_changes_and_outdoes_a_track(tmp_path: Path) -> None:
    photos, gallery, path = tmp_path / "photos", tmp_path / "gallery", track(tmp_path / "a.gpx")
    photo(photos / "a.jpg", 0, clock="2024:05:01 12:05:00")
    whence.index(photos, gallery, gpx=[path])
    assert where(gallery) == {"a.jpg": ("gpx", 50.005)}
    for lat in (30.0, 31.0):
        takeout(photos / "a.jpg.json", lat, 10)
        assert counts(whence.index(photos, gallery, gpx=[path])) == (0, 1, 0, 0)
        assert where(gallery) == {"a.jpg": ("takeout", lat)}
        assert counts(whence.index(photos, gallery, gpx=[path])) == (0, 0, 1, 0)
    assert stored(gallery)["a.jpg"]["time"] == datetime(2024, 5, 1, 12, 5)  # the camera's stays


def test_a_time_that_a_sidecar_brings_later_is_looked_up(tmp_path: Path) -> None:
    photos, gallery, path = tmp_path / "photos", tmp_path / "gallery", track(tmp_path / "a.gpx")
    photo(photos / "a.jpg", 0)
    report = whence.index(photos, gallery, gpx=[path])
    assert report.skipped[0].reason == "no GPS position, and no time to look up in the GPX tracks"
    (photos / "a.xmp").write_bytes(packet(DateTimeOriginal="2024-05-01T14:05:00+02:00"))
    assert counts(whence.index(photos, gallery, gpx=[path])) == (1, 0, 0, 0)
    assert where(gallery) == {"a.jpg": ("gpx", 50.005)}


def test_a_broken_position_is_named_before_the_tracks(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "a.jpg", 0, xmp=packet(GPSLatitude="95", GPSLongitude="10"))
    report = whence.index(tmp_path / "photos", tmp_path / "gallery", gpx=[track(tmp_path / "a.gpx")])
    assert report.skipped[0].reason == (
        "GPS latitude 95 is out of range (-90 to 90), and no time to look up in the GPX tracks"
    )


def test_heic_is_tried_again_once_the_extra_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, gallery = tmp_path / "photos", tmp_path / "gallery"
    photo(photos / "b.jpg", 1, gps=(10, 10))
    (photos / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    report = whence.index(photos, gallery)
    assert [(skipped.name, skipped.reason) for skipped in report.skipped] == [
        ("a.heic", "HEIC photos need an extra that is not installed: pip install 'whence[heic]'")
    ]
    monkeypatch.undo()
    pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    assert whence.index(photos, gallery).skipped[0].reason == "the HEIC file is damaged"


def test_the_command(tmp_path: Path, run: Run) -> None:
    photos, gallery, path = tmp_path / "photos", tmp_path / "gallery", track(tmp_path / "a.gpx")
    photo(photos / "a.jpg", 0, clock="2024:05:01 14:05:00")
    photo(photos / "b.jpg", 1, clock="2024:05:01 10:05:00")
    words = ("index", photos, "--gallery", gallery, "--gpx", path)
    done = run(*words)
    assert done.code == 1
    assert "no photo of" in done.lines[-1]
    assert "in a GPX track (--gpx)" in done.lines[-1]
    assert run(*words, "--gpx-offset", "+02:00").code == 0
    assert run(*words, "--gpx", tmp_path, "--gpx-offset", "-7200").code == 0
    assert json.loads(run("info", gallery, "--format", "json").out)["position_sources"] == {"gpx": 2}
    done = run("index", photos, "--gallery", gallery, "--gpx-offset", "60")
    assert (done.code, done.lines) == (2, ["whence: GPX offset 60 s without a GPX file: name one with --gpx"])
    for wrong, reason in (
        (("--gpx-offset", "two"), "--gpx-offset two: expected seconds such as -3600"),
        (("--gpx", tmp_path / "no.gpx"), "no such file or folder"),
        (("--gpx", photos), "no GPX files in"),
    ):
        done = run(*words, *wrong)
        assert (done.code, done.out, len(done.lines)) == (2, "", 1)
        assert reason in done.err


def test_plans_have_no_tracks(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 0)
    (tmp_path / "plan.csv").write_text("path,x,y\na.jpg,1,2\n")
    with pytest.raises(InputError, match="x and y on a local plane; GPX tracks have latitude and longitude"):
        whence.index(tmp_path / "plan.csv", tmp_path / "gallery", gpx=[track(tmp_path / "a.gpx")])


def test_a_single_path_and_an_offset_that_is_none(tmp_path: Path) -> None:
    photos, gallery, path = tmp_path / "photos", tmp_path / "gallery", track(tmp_path / "a.gpx")
    photo(photos / "a.jpg", 0, clock="2024:05:01 12:05:00")
    nothing: Any = None
    for tracks in ((), [path]):
        with pytest.raises(InputError, match="GPX offset None: expected seconds"):
            whence.index(photos, gallery, gpx=tracks, gpx_offset_s=nothing)
    assert counts(whence.index(photos, gallery, gpx=str(path))) == (1, 0, 0, 0)


def test_useless_tracks_of_a_folder_are_told(tmp_path: Path, run: Run) -> None:
    photos, gallery, tracks = tmp_path / "photos", tmp_path / "gallery", tmp_path / "tracks"
    photo(photos / "a.jpg", 0, clock="2024:05:01 12:05:00")
    tracks.mkdir()
    track(tracks / "a.gpx")
    (tracks / "plan.gpx").write_text('<gpx><rte><rtept lat="1" lon="2"/></rte></gpx>')
    done = run("index", photos, "--gallery", gallery, "--gpx", tracks)
    assert done.code == 0
    assert done.err.count(f"skipped {tracks / 'plan.gpx'}: no track points with position and time") == 1
    assert where(gallery) == {"a.jpg": ("gpx", 50.005)}
    assert run("index", photos, "--gallery", gallery, "--gpx", tracks / "plan.gpx").code == 2
