"""When a gallery learns a describer of its own, and from which photos."""

from __future__ import annotations

from collections.abc import Callable
from heapq import nsmallest

from whence.gallery.writer import Writer
from whence.locate.pipeline import Pipeline
from whence.plugins import Describer

SAMPLE = 3000
"""Photos to learn from at most: some 600 MB of working memory."""
_GROWTH = 2
"""The gallery learns again when it has grown by this factor, until it has learned from a full sample."""
_FEATURES = 20_000
"""Local features without which a vocabulary means little: the photos are nearly blank."""


def due_at(writer: Writer, pipeline: Pipeline, describer: Describer) -> int:
    """Number of photos at which a gallery learns in the middle of a run; 0 for never.

    It is to do so at that very number: what it learns then depends on nothing but the order of the photos.
    """
    before = writer.learned_from(describer.fingerprint)
    learns = pipeline.seeing.shipped.learns_from and before < SAMPLE
    return max(SAMPLE, _GROWTH * before) if learns else 0


def learn_if_due(
    writer: Writer,
    pipeline: Pipeline,
    describer: Describer,
    tell: Callable[[], None],
    *,
    only_if_large: bool = False,
) -> Describer | None:
    """Learns from the stored features of the gallery, if it has grown enough, and describes all photos anew from them.

    No photo is read again. The sample is that of the smallest content hashes: as good as random, and the same in
    whatever order the photos came.

    Args:
        writer: Of the gallery.
        pipeline: Of its recipe.
        describer: The one in use.
        tell: Called before the work starts.
        only_if_large: In the middle of a run: wait until a full sample is there.

    Returns:
        The new describer; None if the one in use stays.
    """
    learned = _learned(writer, pipeline, describer, tell, only_if_large)
    if learned is not None:
        writer.learn(learned.fingerprint, learned.arrays(), min(writer.count, SAMPLE))
        writer.describe_anew(learned.fingerprint, learned.dimension, learned.describe)
    elif not only_if_large and writer.undescribed():
        writer.describe_anew(describer.fingerprint, describer.dimension, describer.describe)
    return learned


def _learned(
    writer: Writer, pipeline: Pipeline, describer: Describer, tell: Callable[[], None], only_if_large: bool
) -> Describer | None:
    """What the gallery teaches; None if that is not due, or its photos are nearly blank."""
    count, before = writer.count, writer.learned_from(describer.fingerprint)
    learns_from = pipeline.seeing.shipped.learns_from
    enough = SAMPLE if only_if_large else learns_from
    if not learns_from or count < max(enough, _GROWTH * before) or before >= SAMPLE:
        return None
    tell()
    hashes = nsmallest(SAMPLE, writer.owner)
    sample = [features for features in writer.sample(hashes) if len(features) or features.whole is not None]
    if pipeline.recipe.sections["features"] and sum(len(photo.parts[0]) for photo in sample) < _FEATURES:
        return None
    return pipeline.seeing.learned(sample)
