"""A gallery that is changed and looked through while it is served."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import whence
from samples import World
from web_servers import Server, started
from whence.audit.auditing import audit
from whence.web.client import Client, ServerError


def some_id(http: httpx.Client) -> str:
    found: str = http.get("/gallery/photos", params={"limit": 1}).json()["photos"][0]["id"]
    return found


def test_nothing_is_deleted_unless_changes_are_allowed(http: httpx.Client) -> None:
    answer = http.delete(f"/gallery/photos/{some_id(http)}")
    assert answer.status_code == 403
    assert "--allow-changes" in answer.json()["detail"]


@pytest.mark.slow
def test_a_deleted_photo_is_gone_and_everything_goes_on(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    shutil.copytree(world.gallery, folder)
    before = len(whence.Gallery.open(folder))
    asked = world.queries / min(world.truth)
    with (
        started(folder, "--allow-changes") as one,
        Client(one.address) as client,
        httpx.Client(base_url=one.api) as http,
    ):
        id = http.post("/explanations", files={"photo": asked.read_bytes()}).json()["id"]
        while (facts := http.get(f"/explanations/{id}").json())["stage"] != "done":
            time.sleep(0.1)
        best = facts["answer"]["candidates"][0]["id"]
        client.remove(best)
        with pytest.raises(ServerError) as refusal:
            client.remove(best)
        assert (refusal.value.status, refusal.value.kind) == (404, "no-photo")
        assert client.gallery()["photos"] == before - 1
        assert len(http.get("/gallery/map").json()["times"]) == before - 1
        assert http.get(f"/gallery/photos/{best}").status_code == 404
        again = client.locate(asked)
        assert best not in [candidate["id"] for candidate in again["candidates"]]
        stale = http.get(f"/explanations/{id}")  # rests on a photo that is gone: said, never mixed up with another
        assert (stale.status_code, stale.json()["type"].rpartition(":")[2]) == (409, "changed")
    opened = whence.Gallery.open(folder)
    assert len(opened) == before - 1
    assert opened.row_of(best) is None
    assert (world.photos / facts["answer"]["candidates"][0]["path"]).is_file()


@pytest.mark.slow
def test_deleting_waits_for_nobody_who_writes(world: World, tmp_path: Path) -> None:
    from whence.gallery.store import lock

    folder = tmp_path / "gallery"
    shutil.copytree(world.gallery, folder)
    with (
        started(folder, "--allow-changes") as one,
        Client(one.address) as client,
        httpx.Client(base_url=one.api) as http,
    ):
        with lock(folder), pytest.raises(ServerError) as refusal:
            client.remove(some_id(http))
        assert (refusal.value.status, refusal.value.kind, refusal.value.retry_after_s) == (503, "busy", 10.0)
        assert str(tmp_path) not in str(refusal.value)
        folder.rename(tmp_path / "moved")
        with pytest.raises(ServerError) as refusal:
            client.remove(some_id(http))
        assert (refusal.value.status, refusal.value.kind) == (409, "gallery-gone")


def audited(client: Client) -> list[dict[str, Any]]:
    client.begin_audit()
    while (facts := client.audit())["state"] == "running":
        time.sleep(0.2)
    assert facts["state"] == "done", facts
    found = client.findings()
    assert len(found) == facts["findings"]
    return found


@pytest.mark.slow
def test_the_audit_says_what_the_command_says(server: Server, world: World) -> None:
    gallery = whence.Gallery.open(world.gallery)
    expected = audit(gallery)
    with Client(server.address) as client, httpx.Client(base_url=server.api, timeout=60) as http:
        found = audited(client)
        assert [one["path"] for one in found] == [suspect.path for suspect in expected.suspects]
        assert [one["probability"] for one in found] == pytest.approx(
            [suspect.probability for suspect in expected.suspects], abs=1e-3
        )
        for one, suspect in zip(found, expected.suspects, strict=True):
            assert one["why"] == [clue.words for clue in suspect.clues]
            known = {gallery.photos[witness.row].content_hash: witness for witness in suspect.witnesses}
            for told in one["witnesses"]:
                assert told["inliers"] == known[told["id"]].inliers
                assert told["against"] == (known[told["id"]].weight > 0)
        first, witness = next((one, one["witnesses"][0]) for one in found if one["witnesses"])
        pair = http.get(f"/gallery/photos/{first['id']}/matches/{witness['id']}").json()
        assert len(pair["points"]) == pytest.approx(witness["inliers"], abs=5)
        for x, y, u, v in pair["points"]:
            assert -0.5 <= x <= pair["here"]["width"]
            assert -0.5 <= y <= pair["here"]["height"]
            assert -0.5 <= u <= pair["there"]["width"]
            assert -0.5 <= v <= pair["there"]["height"]
        client.forget_audit()
        assert client.audit()["state"] == "none"
        assert client.findings() == []
