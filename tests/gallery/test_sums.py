"""Checksums: what is stored has those it was given, and one flipped bit of anything is noticed."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import whence
from samples import write_photos, write_table
from whence.gallery import schema
from whence.gallery.store import Store, settings_table
from whence.gallery.sums import PLAIN, plain_sum, resealed, sealed, sums, trouble_of, unsealed
from whence.locate.repairing import check, repair

texts = st.text(st.characters(codec="utf-8"), max_size=12)
floats = st.floats(allow_nan=False)
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): texts,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int32(): st.integers(0, 2**31 - 1),
    pa.float64(): floats,
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=20),
    pa.large_binary(): st.binary(max_size=20),
    pa.timestamp("us"): st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
    pa.list_(pa.float64()): st.lists(floats, max_size=4),
}
rows = st.fixed_dictionaries(
    {
        field.name: KINDS[field.type] if field.name == "features" else st.none() | KINDS[field.type]
        for field in schema.PHOTOS_SCHEMA
        if not field.name.endswith("_crc")
    }
)


@settings(deadline=None)
@given(rows)
def test_a_row_that_was_stored_has_its_sums(row: dict[str, Any]) -> None:
    made = {**row, **sums(row)}
    (back,) = pa.Table.from_pylist([made], schema=schema.PHOTOS_SCHEMA).to_pylist()
    assert trouble_of(back) == ""
    assert trouble_of({name: value for name, value in back.items() if value is not None}) == ""  # as an older table


@settings(deadline=None)
@given(
    rows, rows, st.sampled_from(sorted(set(schema.PHOTOS_SCHEMA.names) - {"features_crc", "pictures_crc", "row_crc"}))
)
def test_another_value_is_noticed(row: dict[str, Any], other: dict[str, Any], name: str) -> None:
    made = {**row, **sums(row)}
    changed = {**made, name: other[name]}
    same = repr(changed[name]) == repr(made[name])  # 0.0 and -0.0 are two
    assert (trouble_of(changed) == "") == same


@settings(deadline=None)
@given(rows, st.integers(0, 63))
@example({**dict.fromkeys(schema.PHOTOS_SCHEMA.names), "features": b"", "x": 1.0}, 0)
def test_one_flipped_bit_of_a_number_is_noticed(row: dict[str, Any], bit: int) -> None:
    made = {**row, **sums(row)}
    for name in ("x", "y", "altitude_m"):
        if made[name] is not None:
            flipped = np.array([made[name]]).view(np.uint64) ^ np.uint64(1 << bit)
            assert trouble_of({**made, name: float(flipped.view(np.float64)[0])})


@settings(deadline=None)
@given(rows, texts, st.integers(0, 2**40))
def test_changed_rows_are_sealed_again_unless_they_were_damaged(row: dict[str, Any], path: str, size: int) -> None:
    made = {**row, **sums(row)}
    light = {name: made[name] for name in (*PLAIN, "row_crc")}
    changes = {"path": path, "size": size}
    assert trouble_of({**made, **resealed(light, changes)}) == ""
    damaged = {**light, "x": 17.25 if light["x"] != 17.25 else 3.5}
    assert trouble_of({**made, **resealed(damaged, changes)})
    unsealed_row = {**light, "row_crc": None}
    assert resealed(unsealed_row, changes)["row_crc"] == plain_sum({**unsealed_row, **changes})


said = st.dictionaries(
    texts.filter(lambda key: key != "crc"), st.none() | st.booleans() | st.integers() | floats | texts
)


@settings(deadline=None)
@given(said, st.integers(0, 10_000), st.integers(0, 7))
def test_sealed_json(data: dict[str, Any], where: int, bit: int) -> None:
    text = sealed(data)
    assert unsealed(text) == data
    assert unsealed(json.dumps(data)) == data  # of before there were sums
    damaged = bytearray(text.encode())
    damaged[where % len(damaged)] ^= 1 << bit
    try:
        found = unsealed(damaged.decode())
    except ValueError:  # UnicodeDecodeError is one
        return
    assert {name: value for name, value in found.items() if name in data} == data  # at most the sum has another name
    assert len(found) <= len(data) + 1


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sums")
    write_photos(folder / "photos", 5)
    lines = [(f"{number:02d}.jpg", f"{3 * number}.5", "2", f"2020-01-0{number + 1}T10:00:00") for number in range(5)]
    write_table(folder / "photos" / "plan.csv", lines, ("path", "x", "y", "time"))
    whence.index(folder / "photos" / "plan.csv", folder / "gallery")
    return folder / "gallery"


def flipped(value: Any) -> Any:
    """With one bit of its bytes turned."""
    if isinstance(value, float):
        return float((np.array([value]).view(np.uint64) ^ np.uint64(1 << 40)).view(np.float64)[0])
    if isinstance(value, bytes):
        return value[:9] + bytes([value[9] ^ 4]) + value[10:]
    if isinstance(value, str):
        return chr(ord(value[0]) ^ 1) + value[1:]
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond ^ 1)
    if isinstance(value, list):
        return [math.ldexp(value[0] or 1.0, 1), *value[1:]]
    return not value if isinstance(value, bool) else value ^ 1


COLUMNS: list[Any] = ["x", "time", "thumbnail", "path"]
COLUMNS += [  # the same is asked of all columns above, without a gallery
    pytest.param(name, marks=pytest.mark.slow) for name in ("glance", "hash", "width", "features", "row_crc", "said")
]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_bit_of_any_column_is_told_by_repair(plan: Path, tmp_path: Path, column: str) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(plan, gallery)
    store = Store.open(gallery)
    table: Any = store.table(schema.PHOTOS)
    kept = table.to_arrow().to_pylist()
    wrong = [{**row, column: flipped(row[column])} if row["path"] == "02.jpg" else row for row in kept]
    store.replace(schema.PHOTOS, pa.Table.from_pylist(wrong, schema=schema.PHOTOS_SCHEMA))
    assert len(whence.Gallery.open(gallery)) >= 4  # opening does not look
    found = check(gallery)
    assert "not what was stored" in found.damage[0] or column == "features"  # whose header tells it before
    assert "1 of 5 photos cannot be read" in found.damage[0]
    repair(gallery)
    assert check(gallery).is_whole
    mended: Any = Store.open(gallery).table(schema.PHOTOS)
    left = {row["path"]: row for row in mended.to_arrow().to_pylist()}
    assert all(left[row["path"]] == row for row in kept if row["path"] in left)


def test_a_bit_of_a_descriptor_is_told_and_it_is_made_anew(plan: Path, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(plan, gallery)
    store = Store.open(gallery)
    healthy = whence.Gallery.open(gallery).descriptors
    table: Any = store.table(schema.DESCRIPTORS)
    kept = table.to_arrow().to_pylist()
    kept[3]["descriptor"][7] += 0.25
    store.replace(schema.DESCRIPTORS, pa.Table.from_pylist(kept, schema=table.schema))
    assert check(gallery).damage[0] == "descriptors: 1 cannot be read (a descriptor is not what was stored)"
    repair(gallery)
    assert check(gallery).is_whole
    np.testing.assert_allclose(whence.Gallery.open(gallery).descriptors, healthy, atol=1e-4)  # of packed features


def test_a_bit_of_the_settings_is_told(plan: Path, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(plan, gallery)
    store = Store.open(gallery)
    text = (
        settings_table(store.settings)["json"][0].as_py().replace('"tolerance_given": false', '"tolerance_given": true')
    )
    assert text != settings_table(store.settings)["json"][0].as_py()
    store.replace(schema.SETTINGS, pa.table({"json": [text]}, schema=schema.SETTINGS_SCHEMA))
    with pytest.raises(whence.WhenceError, match="whence repair"):
        whence.Gallery.open(gallery)
    assert "settings: the newest cannot be read" in repair(gallery).damage[0]
    assert asdict(Store.open(gallery).settings) == asdict(store.settings)
