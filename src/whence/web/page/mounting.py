"""The page put into an application: NiceGUI carries it, the browser draws it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import nicegui
from fastapi import FastAPI
from nicegui import ui
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import whence
from whence.gallery.gallery import Gallery
from whence.locate.pipeline import recipe_of
from whence.locate.tried import trials_of
from whence.types import Crs
from whence.web.guard import API
from whence.web.page.plan import Plan
from whence.web.page.policy import Nonced
from whence.web.state import State

_HERE = Path(__file__).parent
_LEAFLET = Path(nicegui.__file__).parent / "elements" / "leaflet" / "dist" / "leaflet"
_HEAD = """<link rel="stylesheet" href="page/leaflet/leaflet.css">
<link rel="stylesheet" href="page/files/page.css">
<meta name="description" content="Where was this photo taken?">
"""
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0a6b62" d="M16 2a10 10 0 0 0-10 10c0 '
    '7.5 10 18 10 18s10-10.5 10-18A10 10 0 0 0 16 2z"/><circle cx="16" cy="12" r="4" fill="#fff"/></svg>'
)


class Page(ui.element, component="static/whence.js", esm={"whence-page": "static"}):
    """All of the page, drawn by the scripts in ``static``, which ask the interface for programs."""

    def __init__(self, setup: dict[str, Any]) -> None:
        """
        Args:
            setup: What the scripts have to know before they ask anything.
        """
        super().__init__()
        self._props["setup"] = setup


def mount(app: FastAPI, plan: Plan | None = None) -> None:
    """Puts the page at the root of an application. Once in a process: NiceGUI has one application of its own."""
    state: State = app.state.whence
    setup = _setup(state, plan)

    @ui.page("/", title="whence", language="en-US")
    def page() -> None:
        ui.add_head_html(_HEAD)
        Page(setup)

    if plan is not None:

        @app.get("/page/plan", include_in_schema=False)
        async def picture() -> Response:
            return Response(plan.picture, media_type="image/png")

    logging.getLogger("nicegui").setLevel(logging.ERROR)  # who asked for what is nobody's business
    app.mount("/page/files", StaticFiles(directory=_HERE / "static"))
    app.mount("/page/leaflet", StaticFiles(directory=_LEAFLET))
    ui.run_with(app, title="whence", favicon=_ICON, dark=None, tailwind=False, show_welcome_message=False, prod_js=True)
    last = app.router.routes[-1]
    assert isinstance(last, Mount)
    app.router.routes[-1] = _Rest("/", Nonced(last.app))


class _Rest(Mount):
    """All paths but those of the interface for programs, which answers for its own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["path"].startswith(API):
            return Match.NONE, {}
        return super().matches(scope)


def _setup(state: State, plan: Plan | None) -> dict[str, Any]:
    gallery, options = state.service.gallery, state.options
    return {
        "version": whence.__version__,
        "plane": gallery.settings.crs is not Crs.WGS84,
        "yDown": y_down(gallery),
        "tiles": options.tiles,
        "plan": None if plan is None else {"size": plan.size, "matrix": plan.matrix},
        "private": options.private,
        "changes": options.changes,
        "toleranceM": gallery.settings.tolerance_m,
        "batchPhotos": options.batch_photos,
        "uploadMb": options.upload_mb,
        "contributions": options.contributions is not None,
    }


def y_down(gallery: Gallery) -> bool:
    """Whether y of a gallery's plane points down, as far as its own photos tell."""
    trials = trials_of(gallery, recipe_of(gallery.settings))
    return bool(trials is not None and trials.y_down)
