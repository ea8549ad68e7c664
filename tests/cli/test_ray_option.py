"""``--ray``, whose address may be left out."""

from __future__ import annotations

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
