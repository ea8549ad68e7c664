"""Every parser of foreign bytes: a value, or one of whence's own errors in one line; in bounded time and memory.

``WHENCE_FUZZ=20000 pytest -m slow tests/rough/test_rough_bytes.py`` tries so many mutations of each.
"""

from __future__ import annotations

import io
import json
import os
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from parsers import Parser, parsers

from whence.present.words import printable

EXAMPLES = int(os.environ.get("WHENCE_FUZZ", "80"))
MOST_S, MOST_BYTES = 20.0, 512 * 1024**2
"""Of processor time, and of memory: for inputs of a few kilobytes, which should take next to nothing."""

NAMES = [
    "answers",
    "artefacts",
    "classes",
    "collect-journal",
    "collect-note",
    "commons",
    "contribution",
    "csv",
    "exif",
    "features",
    "flickr",
    "gallery-note",
    "gpx",
    "kept-vectors",
    "mapillary",
    "model-arrays",
    "model-words",
    "network",
    "panoramax",
    "part-note",
    "recipe",
    "reply",
    "run-note",
    "settings",
    "tag-journal",
    "takeout",
    "takeout-sidecar",
    "weights",
    "xmp",
    "xmp-sidecar",
]
DEEP = 20_000
TOKENS = [
    *(b"[" * DEEP, b'{"a":' * DEEP, b"a.b" * DEEP, b"<a>" * DEEP, b"a=" + b"[" * 9_000, b"a.b" * 4_000),
    *(b"x" * 200_000, b'"' + b"y" * 200_000 + b'"', b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"-1e999"),
    *(b"9" * 400, b"9" * 5000, b"null", b"true", b'""', b"[]", b"{}", b"\0", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"\xed\xb2\x80", b'"\\ud800"', b"\r", b"\n", b'"', b"'", b",", b";", b"\t", b"=", b"&lt;", b"&b;", b"-0"),
    *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"2008-02-30T25:61:61Z", b"0001-01-01T00:00:00+14:00", b"+inf"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**63, -(2**63), 10**400, 0.5, -0.5, 1e308, float("nan"), float("inf")),
    *("", "x", "x" * 10_000, "\ud800", "\0", "-1", [], {}, [[]], [None], {"a": 1}, [1, 2], [[1, 2], [3]], ["x", "y"]),
]
edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "flip", "cut", "insert", "delete", "token", "token", "double", "node", "node", "drop"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=8),
        st.integers(0, 10_000),
    ),
    min_size=0,
    max_size=5,
)
CALM = list(HealthCheck)
Edit = tuple[str, float, bytes, int]


def mutated(data: bytes, changes: list[Edit]) -> bytes:
    """Bytes changed, cut, and put in; in JSON also whole values."""
    for change, where, new, number in changes:
        at = int(where * max(0, len(data) - 1))
        if change == "set":
            data = data[:at] + new + data[at + len(new) :]
        elif change == "flip" and data:
            data = data[:at] + bytes([data[at] ^ new[0]]) + data[at + 1 :]
        elif change == "cut":
            data = data[:at]
        elif change == "insert":
            data = data[:at] + new + data[at:]
        elif change == "delete":
            data = data[:at] + data[at + number % 64 :]
        elif change == "double":
            data = data[:at] + data[at : at + number % 512] * 3 + data[at:]
        elif change == "token":
            data = data[:at] + TOKENS[number % len(TOKENS)] + data[at + (number % 3) :]
        else:
            data = otherwise(data, where, number, drop=change == "drop")
    return data


def otherwise(data: bytes, where: float, number: int, *, drop: bool) -> bytes:
    """JSON lines with one value in place of another, or without it; other bytes as they are."""
    try:
        lines = [json.loads(line) for line in data.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return data
    places: list[tuple[Any, Any]] = [(lines, row) for row in range(len(lines))]
    for holder, key in places:
        inner = holder[key]
        if isinstance(inner, dict | list) and len(places) < 400:
            places += [(inner, name) for name in (inner if isinstance(inner, dict) else range(len(inner)))]
    if not places:
        return data
    holder, key = places[int(where * (len(places) - 1))]
    if drop:
        del holder[key]
    else:
        holder[key] = VALUES[number % len(VALUES)]
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parser]:
    return parsers(tmp_path_factory.mktemp("samples"))


def test_all_of_them_are_listed(known: dict[str, Parser]) -> None:
    assert sorted(known) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_are_read(known: dict[str, Parser], name: str, tmp_path: Path) -> None:
    for number, sample in enumerate(known[name].samples):
        (tmp_path / str(number)).mkdir()
        assert known[name].read(sample, tmp_path / str(number)) is not None


def check(parser: Parser, data: bytes) -> None:
    from resource import RUSAGE_SELF, getrusage

    before, begun = getrusage(RUSAGE_SELF).ru_maxrss, time.process_time()
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        said = ""
        try:
            parser.read(data, Path(folder))
        except parser.errors as error:
            said = str(error)
    assert "\n" not in printable(said)  # as a person sees it: it may quote what it found
    assert time.process_time() - begun < MOST_S
    assert (getrusage(RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES


@pytest.mark.skipif(os.name == "nt", reason="reads what memory a process took from POSIX")
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in NAMES])
def test_a_value_or_an_error_of_our_own(known: dict[str, Parser], name: str) -> None:
    parser = known[name]
    share = 10 if parser.dear else 1

    @settings(
        max_examples=max(10, EXAMPLES // share), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.integers(0, 9), edits)
    @example(0, [("cut", 0.0, b"x", 0)])
    @example(0, [("token", 0.0, b"x", 0), ("cut", 0.9, b"x", 0)])
    @example(0, [("node", 0.0, b"x", 0)])
    def tried(which: int, changes: list[Edit]) -> None:
        check(parser, mutated(parser.samples[which % len(parser.samples)], changes))

    tried()


@pytest.mark.skipif(os.name == "nt", reason="as above")
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("model-")])
def test_every_token_in_every_parser(known: dict[str, Parser], name: str) -> None:
    """Deep nesting, endless numbers and broken text, in front, in the middle and instead: quick, so always."""
    sample = known[name].samples[0]
    tokens = TOKENS if not known[name].dear else TOKENS[:6]
    for token in tokens:
        for data in (token, token + sample, sample[: len(sample) // 2] + token + sample[len(sample) // 2 :]):
            check(known[name], data)


def test_mutations_change_something() -> None:
    sample = io.BytesIO(b'{"a": [1, {"b": 2}]}\n').getvalue()
    assert otherwise(sample, 1.0, 0, drop=False) == b'{"a": [1, {"b": null}]}\n'
    assert otherwise(sample, 1.0, 0, drop=True) == b'{"a": [1, {}]}\n'
