"""The application: the interface for programs, behind its guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import whence
from whence.web import problems
from whence.web.api import auditing, contributing, documents, explaining, gallery, health, locating, tagging
from whence.web.api.shapes import definitions
from whence.web.guard import Guard
from whence.web.intake import Intake
from whence.web.page import login
from whence.web.page.policy import STATIC_CSP
from whence.web.service import Service
from whence.web.state import State

_ABOUT = (
    "Where photos were taken, by a gallery of photos whose positions are known. Errors are problem details (RFC 9457)."
)


def make_app(service: Service) -> FastAPI:
    """An application over one service, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state: State = app.state.whence
        yield
        try:
            await state.jobs.close()
            await state.explanations.close()
            await state.audits.close()
        finally:
            if state.contributions is not None:
                state.contributions.close()
            state.service.close()

    app = FastAPI(
        title="whence",
        version=whence.__version__,
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
    )
    app.state.whence = State.of(service, service.options)
    problems.install(app)
    for part in (locating, explaining, documents, tagging, gallery, auditing, contributing, health):
        app.include_router(part.router, prefix="/api/v1")
    app.include_router(login.router, include_in_schema=False)
    _describe(app, secured=bool(service.options.tokens))

    app.add_middleware(Intake, state=app.state.whence)
    app.add_middleware(Guard, options=service.options, page_csp=STATIC_CSP, refused=app.state.whence.metrics.refused)
    return app


def _describe(app: FastAPI, *, secured: bool) -> None:
    """The description of the interface, with our own schemas in the place of those that nothing refers to any more."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = made()
            schemas = found["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas.update(definitions())
            answer = {"anyOf": [{"$ref": "#/components/schemas/Location"}, {"type": "null"}]}
            schemas["ExplanationFacts"]["properties"]["answer"] = answer
            if secured:
                found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                found["security"] = [{"token": []}]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
