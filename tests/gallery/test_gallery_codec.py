"""Bytes in a gallery: what goes in comes out, and damage is noticed."""

from __future__ import annotations

import io
import pickle
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whence.errors import GalleryError
from whence.gallery.artefacts import pack_arrays, unpack_arrays
from whence.gallery.codec import pack, unpack
from whence.types import LocalFeatures


@st.composite
def features(draw: st.DrawFn) -> LocalFeatures:
    count, dimension = draw(st.integers(0, 40)), draw(st.integers(1, 130))
    width, height = draw(st.integers(16, 1024)), draw(st.integers(16, 1024))
    kind = draw(st.sampled_from([np.int8, np.uint8, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    keypoints = np.stack(
        [
            rng.uniform(0, width - 1, count),
            rng.uniform(0, height - 1, count),
            np.exp2(rng.uniform(0, 9, count)),
            rng.uniform(0, 360, count),
        ],
        axis=1,
    ).astype(np.float32)
    if kind is np.float32:
        descriptors: Any = rng.normal(0, 1, (count, dimension)).astype(np.float32)
    else:
        low = -128 if kind is np.int8 else 0
        descriptors = rng.integers(low, low + 256, (count, dimension)).astype(kind)
    whole = rng.normal(0, 1, draw(st.integers(1, 70))).astype(np.float32) if draw(st.booleans()) else None
    counts: tuple[int, ...] = ()
    if draw(st.booleans()):
        first = draw(st.integers(0, count))
        counts = draw(st.sampled_from([(count,), (first, count - first), (0, first, count - first)]))
    return LocalFeatures(keypoints, descriptors, width, height, whole, counts)


@settings(deadline=None)
@given(features())
def test_features_round_trip(given_features: LocalFeatures) -> None:
    packed = pack(given_features)
    found = unpack(packed)
    assert (found.width, found.height) == (given_features.width, given_features.height)
    assert found.keypoints.dtype == np.float32
    assert found.descriptors.dtype == given_features.descriptors.dtype
    assert found.descriptors.shape == given_features.descriptors.shape
    tolerance = 2e-3 if found.descriptors.dtype == np.float32 else 0
    np.testing.assert_allclose(found.descriptors, given_features.descriptors, rtol=tolerance, atol=tolerance)
    assert found.counts == given_features.counts
    assert (found.whole is None) == (given_features.whole is None)
    if found.whole is not None and given_features.whole is not None:
        np.testing.assert_array_equal(found.whole, given_features.whole.astype(np.float16).astype(np.float32))
    before, after = given_features.keypoints, found.keypoints
    np.testing.assert_allclose(after[:, :2], before[:, :2], atol=1 / 64)
    np.testing.assert_allclose(np.log2(after[:, 2]), np.log2(before[:, 2]), atol=1 / 32 + 1e-4)
    turns = (after[:, 3] - before[:, 3] + 180) % 360 - 180
    assert (np.abs(turns) <= 0.71).all()
    again = unpack(pack(found))  # rounding settles at once
    np.testing.assert_array_equal(again.keypoints, found.keypoints)
    np.testing.assert_array_equal(again.descriptors, found.descriptors)


def test_seventy_bytes_a_keypoint() -> None:
    found = LocalFeatures(np.ones((1000, 4), np.float32), np.zeros((1000, 64), np.int8), 640, 480)
    assert len(pack(found)) < 71_000


SAMPLE = pack(LocalFeatures(np.full((3, 4), 9.5, np.float32), np.arange(12, dtype=np.int8).reshape(3, 4), 64, 48))
SAMPLES = [
    SAMPLE,
    pack(LocalFeatures(np.full((3, 4), 9.5, np.float32), np.zeros((3, 4), np.uint8), 64, 48, np.ones(5, np.float32))),
    pack(LocalFeatures(np.full((3, 4), 9.5, np.float32), np.zeros((3, 4), np.uint8), 64, 48, None, (1, 2))),
]
ARRAYS = pack_arrays({"a": np.arange(5.0), "b": np.zeros((2, 3), np.int8)})

edits = st.tuples(st.sampled_from(["set", "cut", "insert"]), st.floats(0, 1), st.binary(min_size=1, max_size=4))


def damaged(data: bytes, kind: str, where: float, put: bytes) -> bytes:
    at = int(where * (len(data) - 1))
    if kind == "cut":
        return data[:at]
    return data[:at] + put + data[at + (len(put) if kind == "set" else 0) :]


@settings(deadline=None)
@given(edits, st.integers(0, 2))
@example(("cut", 0.0, b"x"), 0)
@example(("cut", 1.0, b"x"), 0)
def test_damaged_features_are_refused_or_harmless(edit: tuple[str, float, bytes], kind: int) -> None:
    with suppress(GalleryError):  # bytes of a descriptor cannot be told from others; no other error may come
        found = unpack(damaged(SAMPLES[kind], *edit))
        assert len(found.keypoints) == len(found.descriptors)
        assert sum(found.counts) in (0, len(found.keypoints))


@settings(deadline=None)
@given(st.binary(max_size=60))
@example(b"wf\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
def test_no_bytes_make_features_larger_than_themselves(data: bytes) -> None:
    """A header may say four billion keypoints; nothing is made room for before they are there."""
    with suppress(GalleryError):
        assert len(unpack(data).keypoints) <= len(data)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("abc.xyz_", min_size=1, max_size=8),
        st.tuples(
            st.sampled_from([np.float32, np.float16, np.int64, np.uint8, np.bool_]),
            st.lists(st.integers(0, 4), max_size=3),
        ),
        max_size=4,
    )
)
def test_any_arrays_round_trip(made: dict[str, tuple[Any, list[int]]]) -> None:
    rng = np.random.default_rng(1)
    arrays = {name: rng.integers(0, 2, shape).astype(kind) for name, (kind, shape) in made.items()}
    found = unpack_arrays(pack_arrays(arrays))
    assert {name: (array.dtype, array.shape, array.tobytes()) for name, array in found.items()} == {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    "data",
    [b"", b"wf", SAMPLE[:-1], SAMPLE + b"\0", b"xx" + SAMPLE[2:], SAMPLE[:2] + b"\x09" + SAMPLE[3:], b"\xff" * 200],
)
def test_features_of_another_length_or_version_are_refused(data: bytes) -> None:
    with pytest.raises(GalleryError, match="damaged"):
        unpack(data)


def test_artefacts_round_trip() -> None:
    arrays: dict[str, Any] = {
        "vocabulary": np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32),
        "counts": np.arange(7, dtype=np.int64),
        "none": np.zeros((0, 3), np.float16),
    }
    found = unpack_arrays(pack_arrays(arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


class Trap:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was read",)


def pickled() -> list[bytes]:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=True, trap=np.array([Trap()], dtype=object))
    single = io.BytesIO()
    np.save(single, np.array([Trap()], dtype=object), allow_pickle=True)
    return [stream.getvalue(), single.getvalue(), pickle.dumps(Trap())]


@pytest.mark.parametrize("data", pickled(), ids=["npz", "npy", "pickle"])
def test_pickles_are_never_read(data: bytes) -> None:
    with pytest.raises(GalleryError, match="damaged"):
        unpack_arrays(data)


def test_pickles_are_never_written() -> None:
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        pack_arrays({"trap": np.array([Trap()], dtype=object)})


def single_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    return stream.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"nothing of the kind", ARRAYS[: len(ARRAYS) // 2], single_array()]
)
def test_damaged_artefacts_are_refused(data: bytes) -> None:
    with pytest.raises(GalleryError, match="damaged"):
        unpack_arrays(data)


@settings(deadline=None)
@given(edits)
def test_no_damage_to_artefacts_ends_in_another_error(edit: tuple[str, float, bytes]) -> None:
    with suppress(GalleryError):
        unpack_arrays(damaged(ARRAYS, *edit))
