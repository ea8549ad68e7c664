"""``whence models``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whence.cli import interruptible
from whence.cli.console import progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.models.catalogue import Model, ModelFile

NAME = "models"
_ACTIONS = ("list", "show", "download")


def command(
    action: Annotated[str, typer.Argument(help="list, show or download.")] = "list",
    names: Annotated[list[str] | None, typer.Argument(help="Models, by name; all for list and show.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Download again what is there.")] = False,
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """List learned models, with their licences, or download some. Nothing is ever downloaded without being asked."""
    from whence.models.catalogue import model, models

    if action not in _ACTIONS:
        raise InputError(f"models {action}: expected {', '.join(_ACTIONS)}")
    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    if action == "download" and not names:
        raise InputError(f"models download: name the models to download: {', '.join(models())}")
    chosen = [model(name) for name in names or models()]
    if action == "download":
        interruptible()
        for one in chosen:
            _download(one, force)
    elif format == "json":
        typer.echo(json.dumps([_data(one) for one in chosen], indent=1))
    else:
        for one in chosen:
            _tell(one, whole=action == "show")


def _download(chosen: Model, force: bool) -> None:
    from whence.models.download import download
    from whence.models.store import folder

    say(f"{chosen.name}: {chosen.title}. {chosen.licence}; {chosen.bytes / 1e6:.1f} MB")
    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def tell(file: ModelFile, got: int) -> None:
            if file.name not in tasks:
                tasks[file.name] = bar.add_task(file.name, total=file.bytes, rate="bytes")
            bar.update(tasks[file.name], completed=got)

        fetched = download(chosen, force=force, tell=tell)
    say(f"{chosen.name} is in {folder()}" if fetched else f"{chosen.name} is in {folder()} already")


def _data(chosen: Model) -> dict[str, Any]:
    """One model as plain data, with the state of its files here."""
    from dataclasses import asdict

    from whence.models.store import folder, wrong

    files = [
        {**asdict(file), "path": str(folder() / file.name), "problem": wrong(folder() / file.name, file) or None}
        for file in chosen.files
    ]
    return {**asdict(chosen), "files": files, "bytes": chosen.bytes}


def _tell(chosen: Model, *, whole: bool) -> None:
    from whence.models.store import ABSENT, folder, wrong

    problems = {file.name: wrong(folder() / file.name, file) for file in chosen.files}
    broken = [f"{folder() / name} {problem}" for name, problem in problems.items() if problem not in ("", ABSENT)]
    here = "yes" if not any(problems.values()) else "; ".join(broken) or "no"
    typer.echo(f"{chosen.name:14} {chosen.title}")
    facts = {
        "source": chosen.where,
        "licence": chosen.licence,
        "trained on": chosen.trained,
        "size": f"{chosen.bytes / 1e6:.1f} MB",
        "needs": f"pip install 'whence[{chosen.needs}]'",
        "here": here if here != "no" else f"no; whence models download {chosen.name}",
        **({"files": "; ".join(f"{file.name} from {file.url}" for file in chosen.files)} if whole else {}),
    }
    for word, fact in facts.items():
        typer.echo(f"  {word:12} {fact}")
