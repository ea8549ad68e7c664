"""``--ray``, whose address may be left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples import Run
from whence.cli.clusters import with_addresses


@pytest.mark.parametrize(
    ("words", "understood"),
    [
        ("index photos --ray", "index photos --ray=local"),
        ("index --ray photos --gallery g", "index --ray=local photos --gallery g"),
        ("index photos --ray --workers 2", "index photos --ray=local --workers 2"),
        ("index photos --ray head.example:6379", "index photos --ray head.example:6379"),
        ("index photos --ray auto", "index photos --ray auto"),
        ("index photos --ray=auto", "index photos --ray=auto"),
        ("locate -- --ray", "locate -- --ray"),
    ],
)
def test_an_address_or_none(words: str, understood: str) -> None:
    assert with_addresses(words.split()) == understood.split()


def test_other_commands_know_nothing_of_it(run: Run) -> None:
    done = run("info", "nowhere", "--ray")
    assert done.code == 2
    assert "--ray" in done.err


def test_wrong_use_is_told_before_a_cluster_is_joined(run: Run, tmp_path: Path) -> None:
    done = run("index", tmp_path / "nowhere", "--gallery", tmp_path / "g", "--ray", "127.0.0.1:9")
    assert (done.code, done.out) == (2, "")
    assert "no such file or folder" in done.err
    assert not (tmp_path / "g").exists()
