"""What every registered method promises, built-in or third-party: one contract for each protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import whence
from miniatures import MINIATURES
from samples import blank, place, textured, write_photos
from whence import plugins
from whence.describe.sift import Sift
from whence.errors import RecipeError
from whence.gallery.codec import pack, unpack
from whence.gallery.gallery import Gallery
from whence.geo.plane import Plane
from whence.locate.pipeline import Pipeline
from whence.locate.stages import Positioner, Proposal, Retriever, Shortlist
from whence.photos.sources import open_source
from whence.plugins import Describer, GeometryEstimator, LocalExtractor, Matcher, PhotoSource
from whence.recipes import build, load_recipe
from whence.types import XY, Crs, FloatArray, Image, LatLon, LocalFeatures, Matches, Photo, Skipped
from whence.verify.rerank import UNVERIFIED, Verification, verify

pytestmark = pytest.mark.usefixtures("networks")

T = TypeVar("T")

extractors = pytest.mark.parametrize("name", [name for name in plugins.names(plugins.EXTRACTORS) if name != "exported"])
describers = pytest.mark.parametrize("name", plugins.names(plugins.DESCRIBERS))
matchers = pytest.mark.parametrize("name", plugins.names(plugins.MATCHERS))
estimators = pytest.mark.parametrize("name", plugins.names(plugins.VERIFIERS))
retrievers = pytest.mark.parametrize("name", plugins.names(plugins.RETRIEVERS))
positioners = pytest.mark.parametrize("name", plugins.names(plugins.POSITIONERS))
sources = pytest.mark.parametrize("name", plugins.names(plugins.SOURCES))
SKIPPED = {"csv": ["95.jpg"], "placing": ["mediaeval2016_placing_train_photo.bz2"]}
"""What a sample names and does not have."""


def extractor(name: str) -> LocalExtractor:
    made: LocalExtractor = build(plugins.EXTRACTORS, "features", {"method": name})
    return made


def describer(name: str) -> Describer:
    made = plugins.load(plugins.DESCRIBERS, name)
    shipped: Describer = made.shipped(made.options_type())
    return shipped


def matcher(name: str) -> Matcher:
    made: Matcher = build(plugins.MATCHERS, "match", {"method": name})
    return made


def estimator(name: str) -> GeometryEstimator:
    made: GeometryEstimator = build(plugins.VERIFIERS, "verify", {"method": name})
    return made


def changed(options: Any) -> list[Any]:
    """The same options, each time with another number."""
    found = []
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            other = type(value)(value * 2)
            found.append(dataclasses.replace(options, **{field.name: other}))
    return found


def features(seed: int = 0) -> LocalFeatures:
    return Sift().extract(textured(seed))


def nothing() -> LocalFeatures:
    return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 64), np.int8), 240, 180)


def one() -> LocalFeatures:
    found = features()
    return LocalFeatures(found.keypoints[:1], found.descriptors[:1], found.width, found.height)


def in_threads(work: Callable[[], T]) -> list[T]:
    with ThreadPoolExecutor(4) as threads:
        return [future.result() for future in [threads.submit(work) for _ in range(8)]]


def same(a: LocalFeatures, b: LocalFeatures) -> bool:
    return np.array_equal(a.keypoints, b.keypoints) and np.array_equal(a.descriptors, b.descriptors)


def test_every_group_has_a_method() -> None:
    assert all(plugins.names(group) for group in plugins.GROUPS)


@pytest.mark.parametrize("group", plugins.GROUPS)
def test_an_unknown_method_names_the_nearest(group: str) -> None:
    known = plugins.names(group)[0]
    with pytest.raises(RecipeError, match=f"did you mean '{known}'"):
        plugins.load(group, known + "x")
    with pytest.raises(RecipeError, match="known: "):
        plugins.load(group, "0000")


@extractors
def test_extractors_find_features(name: str) -> None:
    made = extractor(name)
    assert isinstance(made, LocalExtractor)
    found = made.extract(textured())
    assert len(found) > 50
    assert (found.width, found.height) == (240, 180)
    assert found.keypoints.shape == (len(found), 4)
    assert found.keypoints.dtype == np.float32
    assert found.descriptors.shape[0] == len(found)
    assert found.descriptors.dtype in (np.int8, np.uint8, np.float32)
    assert np.isfinite(found.keypoints).all()
    assert (found.keypoints[:, :2] >= -0.5).all()
    assert (found.keypoints[:, :2] <= (239.5, 179.5)).all()
    assert (found.keypoints[:, 2] > 0).all()


@extractors
@pytest.mark.parametrize("size", [(240, 180), (16, 16), (700, 16)])
def test_extractors_find_nothing_in_a_blank_image(name: str, size: tuple[int, int]) -> None:
    made = extractor(name)
    found = made.extract(blank(*size))
    assert len(found) == 0
    assert (found.width, found.height) == size
    assert found.keypoints.shape == (0, 4)
    full = made.extract(textured())
    assert found.descriptors.shape == (0, full.descriptors.shape[1])
    assert found.descriptors.dtype == full.descriptors.dtype


@extractors
def test_extractors_are_deterministic(name: str) -> None:
    first = extractor(name).extract(textured())
    assert all(same(first, found) for found in in_threads(lambda: extractor(name).extract(textured())))
    again = extractor(name)
    again.extract(textured(1))  # what came before leaves no trace
    assert same(first, again.extract(textured()))


@extractors
def test_fingerprints_of_extractors_follow_their_options(name: str) -> None:
    made = plugins.load(plugins.EXTRACTORS, name)
    assert made().fingerprint == made(made.options_type()).fingerprint
    others = [made(options).fingerprint for options in changed(made.options_type())]
    assert len({made().fingerprint, *others}) == 1 + len(others)


def seen(made: Describer, found: LocalFeatures, image: Image) -> LocalFeatures:
    """Features as a gallery keeps them, with what the describer takes of the pixels."""
    return unpack(pack(dataclasses.replace(found, whole=made.whole(image))))


def pictured(made: Describer, seed: int = 0) -> LocalFeatures:
    return seen(made, features(seed), textured(seed))


@describers
def test_describers_give_unit_vectors(name: str) -> None:
    made = describer(name)
    assert isinstance(made, Describer)
    for found in [*(pictured(made, seed) for seed in range(3)), seen(made, one(), textured())]:
        vector = made.describe(found)
        assert vector.shape == (made.dimension,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@describers
@pytest.mark.parametrize("size", [(240, 180), (16, 16), (700, 16)])
def test_describers_give_zeros_for_a_blank_image(name: str, size: tuple[int, int]) -> None:
    made = describer(name)
    vector = made.describe(seen(made, nothing(), blank(*size)))
    assert vector.shape == (made.dimension,)
    assert vector.dtype == np.float32
    assert not vector.any()


@describers
def test_describers_are_deterministic(name: str) -> None:
    shared = describer(name)
    first = describer(name).describe(pictured(describer(name)))
    assert all(np.array_equal(first, vector) for vector in in_threads(lambda: shared.describe(pictured(shared))))


@describers
def test_similar_pictures_are_more_similar(name: str) -> None:
    made = describer(name)
    picture = textured()
    darker = (picture * (0.97 if name == "scene" else 0.8)).astype(np.uint8)
    query, twin, other = (
        made.describe(seen(made, Sift().extract(image), image)) for image in (picture, darker, textured(1))
    )
    margin = 0.02 if name == "scene" else 0.1  # which tells kinds of pictures apart, and these are all of one kind
    assert query @ twin > query @ other + margin


@describers
def test_describers_that_look_at_pixels_say_so(name: str) -> None:
    made = describer(name)
    taken = [made.whole(image) for image in (textured(), blank(), textured(1, 700, 16), textured(2, 16, 16))]
    if not made.sees:
        assert all(whole is None for whole in taken)
        return
    sizes = {whole.shape for whole in taken if whole is not None}
    assert len(sizes) == 1
    assert all(whole is not None and whole.dtype == np.float32 and np.isfinite(whole).all() for whole in taken)
    found = dataclasses.replace(features(), whole=taken[0])
    assert made.describe(unpack(pack(found))) @ made.describe(found) > 0.99999  # half precision is enough


@describers
def test_what_is_taken_of_pixels_follows_the_options(name: str) -> None:
    made = plugins.load(plugins.DESCRIBERS, name)
    plain, picture = made.shipped(made.options_type()), textured(0, 640, 480)
    taken = plain.whole(picture)
    if taken is None:
        pytest.skip(f"{name} takes nothing of pixels")
    for options in changed(made.options_type()):
        other = made.shipped(options)
        assert np.array_equal(other.whole(picture), taken) or other.sees != plain.sees


@describers
def test_learned_describers_can_be_stored(name: str) -> None:
    made = plugins.load(plugins.DESCRIBERS, name)
    options = made.options_type()
    shipped = made.shipped(options)
    sample = [pictured(shipped, seed) for seed in range(12)]
    learned = made.learn(options, sample)
    assert learned.fingerprint == made.learn(options, sample).fingerprint
    assert learned.sees == shipped.sees  # or the gallery's photos would have to be read again
    if shipped.learns_from:
        assert learned.fingerprint != shipped.fingerprint
        assert made.learn(options, sample[:6]).fingerprint != learned.fingerprint
    else:
        assert learned.fingerprint == shipped.fingerprint
        assert not learned.arrays()
    assert made.restore(options, shipped.arrays()).fingerprint == shipped.fingerprint
    restored = made.restore(options, learned.arrays())
    assert restored.fingerprint == learned.fingerprint
    assert restored.dimension == learned.dimension
    vector = learned.describe(pictured(shipped))
    assert np.array_equal(restored.describe(pictured(shipped)), vector)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert not learned.describe(seen(shipped, nothing(), blank())).any()
    if shipped.sees:
        assert np.array_equal(learned.whole(textured()), shipped.whole(textured()))


@describers
def test_fingerprints_of_describers_follow_their_options(name: str) -> None:
    made = plugins.load(plugins.DESCRIBERS, name)
    plain = made.shipped(made.options_type()).fingerprint
    assert plain == made.shipped(made.options_type()).fingerprint
    others = [made.shipped(options).fingerprint for options in changed(made.options_type())]
    assert len({plain, *others}) == 1 + len(others)


@matchers
def test_matchers_match_one_to_one(name: str) -> None:
    made = matcher(name)
    assert isinstance(made, Matcher)
    query, database = features(), features()
    matches = made.match(query, database)
    assert len(matches) >= 50
    assert matches.query.shape == matches.database.shape == (len(matches),)
    assert np.issubdtype(matches.query.dtype, np.integer)
    assert len(set(matches.query.tolist())) == len(set(matches.database.tolist())) == len(matches)
    assert (matches.query == matches.database).mean() > 0.95


@matchers
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("few", [nothing, one])
def test_matchers_find_nothing_where_there_is_nothing(name: str, few: Callable[[], LocalFeatures], swap: bool) -> None:
    pair = (features(), few()) if swap else (few(), features())
    assert len(matcher(name).match(*pair)) <= len(few())
    assert len(matcher(name).match(few(), few())) <= len(few())


@matchers
def test_matchers_are_deterministic(name: str) -> None:
    query, database, shared = features(), features(), matcher(name)
    first = matcher(name).match(query, database)
    for found in in_threads(lambda: shared.match(query, database)):
        assert np.array_equal(found.query, first.query)
        assert np.array_equal(found.database, first.database)


def paired(points: Any) -> tuple[LocalFeatures, LocalFeatures, Matches]:
    """Matches of some points with themselves."""
    keypoints = np.zeros((len(points), 4), np.float32)
    keypoints[:, :2], keypoints[:, 2] = points, 4
    found = LocalFeatures(keypoints, np.zeros((len(points), 64), np.int8), 240, 180)
    rows = np.arange(len(points))
    return found, found, Matches(rows, rows)


DEGENERATE = {
    "none": np.zeros((0, 2)),
    "one": np.full((1, 2), 5.0),
    "seven": np.arange(14.0).reshape(7, 2) ** 2,
    "all at one point": np.full((40, 2), 7.0),
    "on one line": np.stack([np.arange(60.0), 2 * np.arange(60.0)], axis=1),
    "two points": np.array([[10.0, 10.0], [200.0, 100.0]] * 20),
}


@estimators
@pytest.mark.parametrize("points", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_estimators_never_raise(name: str, points: Any) -> None:
    made = estimator(name)
    assert isinstance(made, GeometryEstimator)
    query, database, matches = paired(points)
    found = made.estimate(query, database, matches)
    assert found.inliers.shape == (len(points),)
    assert found.inliers.dtype == np.bool_
    assert found.kind in ("fundamental", "homography", "none")
    assert (found.matrix is None) == (found.kind == "none")
    if len(points) < 8:
        assert not found.inliers.any()


@estimators
def test_estimators_find_little_in_noise(name: str) -> None:
    rng = np.random.default_rng(3)
    query, _, matches = paired(rng.uniform(0, 180, (60, 2)))
    database, _, _ = paired(rng.uniform(0, 180, (60, 2)))
    assert estimator(name).estimate(query, database, matches).inliers.sum() < 25


@estimators
def test_estimators_are_deterministic(name: str) -> None:
    query, database = features(), features()
    matches = matcher("mutual-nn").match(query, database)
    shared = estimator(name)
    first = estimator(name).estimate(query, database, matches)
    assert first.inliers.sum() > 50
    assert all(
        np.array_equal(found.inliers, first.inliers)
        for found in in_threads(lambda: shared.estimate(query, database, matches))
    )


PHOTOS = 6
"""Of the gallery that retrievers look through."""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Textured photos, each at a place of its own."""
    folder = tmp_path_factory.mktemp("methods")
    whence.index(write_photos(folder / "photos", PHOTOS), folder / "gallery")
    return Gallery.open(folder / "gallery")


def asked(gallery: Gallery, image: Image) -> tuple[LocalFeatures, FloatArray]:
    """Features and vector of a query."""
    pipeline = Pipeline(load_recipe("default"))
    found = pipeline.seeing.extract(image)
    return found, pipeline.restored(gallery).describe(found)


def retriever(name: str, gallery: Gallery) -> Retriever:
    made: Retriever = build(plugins.RETRIEVERS, "retrieve", {"method": name})
    made.prepare(gallery)
    return made


@retrievers
def test_retrievers_name_the_most_promising_first(name: str, gallery: Gallery) -> None:
    made = retriever(name, gallery)
    assert isinstance(made, Retriever)
    for number in range(PHOTOS):
        rows, cosines = made.shortlist(*asked(gallery, textured(number)))
        assert np.issubdtype(rows.dtype, np.integer)
        assert cosines.dtype == np.float32
        assert rows.shape == cosines.shape == (len(rows),)
        assert len(set(rows.tolist())) == len(rows)
        assert gallery.photos[rows[0]].path == f"{number:02d}.jpg"
        np.testing.assert_allclose(cosines, gallery.descriptors[rows] @ asked(gallery, textured(number))[1], atol=1e-4)


@retrievers
def test_retrievers_keep_to_what_is_allowed(name: str, gallery: Gallery) -> None:
    made, query = retriever(name, gallery), asked(gallery, textured(2))
    allowed = np.ones(PHOTOS, np.bool_)
    assert np.array_equal(made.shortlist(*query, allowed)[0], made.shortlist(*query)[0])
    allowed[2] = False
    rows = made.shortlist(*query, allowed)[0].tolist()
    assert rows
    assert set(rows) <= {0, 1, 3, 4, 5}
    allowed[:] = False
    assert len(made.shortlist(*query, allowed)[0]) == 0
    allowed[4] = True
    assert made.shortlist(*query, allowed)[0].tolist() in ([4], [])


@retrievers
def test_retrievers_find_nothing_for_a_blank_photo(name: str, gallery: Gallery) -> None:
    rows, cosines = retriever(name, gallery).shortlist(*asked(gallery, blank()))
    assert (len(rows), len(cosines)) == (0, 0)


@retrievers
def test_retrievers_are_deterministic(name: str, gallery: Gallery) -> None:
    query, shared = asked(gallery, textured(1)), retriever(name, gallery)
    rows, cosines = retriever(name, gallery).shortlist(*query)
    for others, theirs in in_threads(lambda: shared.shortlist(*query)):
        assert np.array_equal(rows, others)
        assert np.array_equal(cosines, theirs)


def shortlist(gallery: Gallery, photos: int, image: Image, *, verified: bool) -> Shortlist:
    """The first photos of a gallery, verified as the recipe ``default`` does."""
    query, vector = asked(gallery, image)
    features, pipeline = gallery.features(range(photos)), Pipeline(load_recipe("default"))
    assert pipeline.matcher is not None
    looked = [
        verify(query, photo, pipeline.matcher, pipeline.estimator) if verified else UNVERIFIED for photo in features
    ]
    plane = Plane.around([place(0)])
    return Shortlist(
        photos=gallery.photos[:photos],
        points=plane.metres(gallery.coordinates[:photos]),
        similarities=gallery.descriptors[:photos] @ vector,
        verifications=looked,
        verified=verified,
        query=query,
        features_of=lambda places: gallery.features(places),
        plane=plane,
        tolerance_m=25.0,
    )


def positioner(name: str) -> Positioner:
    made: Positioner = build(plugins.POSITIONERS, "locate", {"method": name})
    return made


def sound(found: Proposal | None, photos: int) -> bool:
    """Whether a proposal is what ``Proposal`` says it is."""
    if found is None:
        return True
    order = list(found.order)
    return (
        found.east_north.shape == (2,)
        and bool(np.isfinite(found.east_north).all())
        and 0 <= found.confidence <= 1
        and sorted(order) == list(range(photos))
    )


@positioners
def test_positioners_find_the_photo_itself(name: str, gallery: Gallery) -> None:
    made, asked_of = positioner(name), shortlist(gallery, PHOTOS, textured(3), verified=True)
    assert isinstance(made, Positioner)
    found = made.position(asked_of)
    assert found is not None
    assert sound(found, PHOTOS)
    assert np.hypot(*(found.east_north - asked_of.points[3])) < 25
    assert found.order[0] == 3


@positioners
@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("photos", [1, PHOTOS])
def test_positioners_say_what_little_evidence_allows(name: str, photos: int, verified: bool, gallery: Gallery) -> None:
    for image in (textured(0), textured(99), blank()):
        assert sound(positioner(name).position(shortlist(gallery, photos, image, verified=verified)), photos)


@positioners
def test_positioners_bear_matches_without_inliers(name: str, gallery: Gallery) -> None:
    asked_of = shortlist(gallery, PHOTOS, textured(0), verified=True)
    none = [
        Verification(verification.matches.only(np.zeros(0, np.intp)), 1.0) for verification in asked_of.verifications
    ]
    assert sound(positioner(name).position(dataclasses.replace(asked_of, verifications=none)), PHOTOS)


@positioners
def test_positioners_are_deterministic(name: str, gallery: Gallery) -> None:
    shared, asked_of = positioner(name), shortlist(gallery, PHOTOS, textured(3), verified=True)
    first = positioner(name).position(asked_of)
    assert first is not None
    for found in in_threads(lambda: shared.position(asked_of)):
        assert found is not None
        assert np.array_equal(found.east_north, first.east_north)
        assert (found.confidence, list(found.order)) == (first.confidence, list(first.order))


@sources
def test_sources_give_the_same_order_again(name: str, tmp_path: Path) -> None:
    sample = MINIATURES.get(name)
    if sample is None:
        pytest.skip(f"no sample for the source {name}")
    written = sample(tmp_path)
    made = open_source(written.root, layout=name, part=written.database)
    assert isinstance(made, PhotoSource)
    found = list(made.photos())
    assert found == list(made.photos())
    photos = [item for item in found if isinstance(item, Photo)]
    assert len(photos) > 1
    assert all(isinstance(item, Photo | Skipped) for item in found)
    kind = XY if made.crs is Crs.LOCAL else LatLon
    assert all(photo.position is None or isinstance(photo.position, kind) for photo in photos)
    assert all((photo.position_source != "") == (photo.position is not None) for photo in photos)
    if written.known:
        assert [photo.position for photo in photos] == written.known
    if written.root.is_dir():
        assert all(photo.path == written.root / photo.name for photo in photos)
    assert [item.name for item in found if isinstance(item, Skipped)] == SKIPPED.get(name, [])


@sources
def test_sources_tell_nothing_but_paths_of_queries(name: str, tmp_path: Path) -> None:
    sample = MINIATURES.get(name)
    if sample is None:
        pytest.skip(f"no sample for the source {name}")
    written = sample(tmp_path)
    for part in {written.database, written.queries}:
        found = list(open_source(written.root, layout=name, part=part, need_position=False).photos())
        assert found
        assert found == [Photo(item.path, item.name) for item in found if isinstance(item, Photo)]


def test_every_source_of_ours_has_a_sample() -> None:
    ours = {point.name for point in entry_points(group=plugins.SOURCES) if point.value.startswith("whence.")}
    assert ours == MINIATURES.keys()
