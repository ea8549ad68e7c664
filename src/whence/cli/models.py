"""``whence models``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whence.cli import interruptible
from whence.cli.console import check_place, progress_bar, say
from whence.errors import InputError, MissingExtraError, ModelError

if TYPE_CHECKING:
    from whence.models.catalogue import Model, ModelFile
    from whence.nets.network import Network

NAME = "models"
_ACTIONS = ("list", "show", "download", "export", "mask")
_FILES = (".safetensors", ".toml")
_NEED = {
    "export": "a network and a file to write: whence models export NAME FILE.onnx",
    "mask": "a network, a photo and a file to write: whence models mask NAME PHOTO OUT.png",
}


def command(
    action: Annotated[str, typer.Argument(help="list, show, download, export or mask.")] = "list",
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models, by name; all for list and show. show and export also take a .safetensors file of whence "
            "train, show a .toml plan. export: a network and the .onnx file to write; mask: a network, a photo and "
            "the .png file to write."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Download again what is there.")] = False,
    accept_unverified: Annotated[
        bool,
        typer.Option(
            "--accept-unverified",
            help="Download files whose SHA-256 nobody published; it is kept, and they are checked against it later.",
        ),
    ] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the terms of a model that asks for it.")
    ] = False,
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """List learned models, with their licences, download some, write a network as ONNX, or show what it looks at.

    Nothing is ever downloaded without being asked. whence runs no code that comes with a model.
    """
    from whence.models.catalogue import model, models

    if action not in _ACTIONS:
        raise InputError(f"models {action}: expected {', '.join(_ACTIONS)}")
    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    given = names or []
    if action == "export":
        _export(*_all(action, given, 2))
    elif action == "mask":
        _mask(*_all(action, given, 3))
    elif action == "download":
        if not given:
            raise InputError(f"models download: name the models to download: {', '.join(models())}")
        chosen = [model(name) for name in given]
        interruptible()
        for one in chosen:
            _download(one, force, unverified=accept_unverified, licence=accept_licence)
    else:
        _show(given or list(models()), format, whole=action == "show")


def _all(action: str, given: list[str], count: int) -> list[str]:
    if len(given) != count:
        raise InputError(f"models {action}: expected {_NEED[action]}")
    return given


def _download(chosen: Model, force: bool, *, unverified: bool, licence: bool) -> None:
    from whence.models.download import download
    from whence.models.store import folder

    say(f"{chosen.name}: {chosen.title}. {chosen.licence}; trained on {chosen.trained}; {chosen.size}")
    if chosen.reported:
        say(f"reported: {chosen.reported}")
    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def tell(file: ModelFile, got: int) -> None:
            if file.name not in tasks:
                tasks[file.name] = bar.add_task(file.name, total=file.bytes or None, rate="bytes")
            bar.update(tasks[file.name], completed=got)

        fetched = download(chosen, force=force, unverified=unverified, licence=licence, tell=tell)
    say(f"{chosen.name} is in {folder()}" if fetched else f"{chosen.name} is in {folder()} already")


def _export(name: str, out: str) -> None:
    file = Path(out)
    if file.suffix.lower() != ".onnx":
        raise InputError(f"a network is written to a .onnx file, not to {file.name!r}")
    check_place("models export", file, [name], "read")
    network = _ready(name)
    from whence.nets.export import export

    export(network, file)
    picture = network.architecture.input
    say(f"{out} takes pictures of {picture.width_px} x {picture.height_px} and gives {network.dimension} numbers")
    say(f"in a recipe: [describe] method = 'network', model = '{file.absolute()}'")


def _mask(name: str, photo: str, out: str) -> None:
    from whence.present import attention, page

    file = Path(out)
    if file.suffix.lower() != ".png":
        raise InputError(f"a mask is drawn to a .png file, not to {file.name!r}")
    check_place("models mask", file, [name, photo], "read")
    pixels = _photo(photo)
    network = _ready(name)
    from whence.nets.running import Runner

    mask = Runner(network).mask(pixels)
    if mask is None:
        raise ModelError(f"{name}: head {network.architecture.head} weighs no places; heads that do are crn and crn2")
    page.save(file, page.png(attention.attention_picture(pixels, mask)))


def _photo(name: str) -> Any:
    from whence.errors import PhotoError
    from whence.photos.decode import decode

    try:
        return decode(Path(name).read_bytes()).pixels
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error
    except PhotoError as error:
        raise InputError(f"{name}: {error}") from error


def _ready(name: str) -> Network:
    from whence import nets

    nets.need()
    from whence.nets import opening

    return opening.ready(name)


def _show(names: list[str], format: str, *, whole: bool) -> None:
    from whence.models.catalogue import model

    found = [_told(name) if name.endswith(_FILES) else _data(model(name), whole=whole) for name in names]
    if format == "json":
        typer.echo(json.dumps(found, indent=1))
        return
    for name, told in zip(names, found, strict=True):
        if name.endswith(_FILES):
            _tell_file(told)
        else:
            _tell(model(name), told, whole=whole)


def _told(name: str) -> dict[str, Any]:
    """A file of the user's as plain data."""
    from whence import nets

    nets.need()
    from whence.nets import opening, weights

    said = weights.said_of(Path(name).expanduser()) if name.endswith(opening.NETWORK) else {}
    made = opening.architecture(name)
    told = {"name": name, **said, "network": made.table(), **_counted(name, made.table())}
    told.pop("architecture", None)  # the same as "network"
    return told


def _data(chosen: Model, *, whole: bool) -> dict[str, Any]:
    """One model as plain data, with the state of its files here, and how large it is where torch can tell."""
    from dataclasses import asdict

    from whence.models.store import folder, wrong

    files = [
        {**asdict(file), "path": str(folder() / file.name), "problem": wrong(folder() / file.name, file) or None}
        for file in chosen.files
    ]
    counted = {}
    if whole and chosen.network:
        try:
            counted = _counted(chosen.name, chosen.network)
        except MissingExtraError:
            counted = {"input": chosen.network.get("input")}
    return {**asdict(chosen), "files": files, "bytes": chosen.bytes, **counted}


def _counted(name: str, table: Any) -> dict[str, Any]:
    """Dimension, input and parameters of a network, none of whose weights are looked at.

    Raises:
        MissingExtraError: Without the extra.
    """
    from dataclasses import asdict

    from whence import nets

    nets.need()
    from whence.nets.architecture import Architecture
    from whence.nets.network import outline

    made = Architecture.of(table, name)
    network = outline(made)
    return {"dimension": network.dimension, "input": asdict(made.input), **network.counts()}


def _tell(chosen: Model, told: dict[str, Any], *, whole: bool) -> None:
    from whence.models.store import ABSENT

    problems = [(file["path"], file["problem"]) for file in told["files"] if file["problem"]]
    broken = [f"{path} {problem}" for path, problem in problems if problem != ABSENT]
    here = "; ".join(broken) or (f"no; whence models download {chosen.name}" if problems else "yes")
    typer.echo(f"{chosen.name:25} {chosen.title}")
    facts = {
        "source": chosen.where,
        "licence": chosen.licence,
        "trained on": chosen.trained,
        "reported": chosen.reported,
        "gives": f"{told['dimension']} numbers a photo{_picture(chosen.network)}" if told["dimension"] else "",
        **(_sizes(told) if whole else {}),
        "size": chosen.size,
        "needs": f"pip install 'whence[{chosen.needs}]'",
        "first": "whence train, before it can describe photos" if chosen.untrained else "",
        "ask": chosen.consent,
        "here": here,
        **({"files": "; ".join(f"{file.name} from {file.url}" for file in chosen.files)} if whole else {}),
    }
    _lines(facts)


def _tell_file(told: dict[str, Any]) -> None:
    typer.echo(told["name"])
    network = told["network"]
    _lines(
        {
            "backbone": " up to ".join(filter(None, (network["backbone"], network["stage"]))),
            "head": network["head"]["method"],
            "gives": f"{told['dimension']} numbers a photo{_picture(network)}",
            **_sizes(told),
        }
    )


def _picture(network: Any) -> str:
    picture = network.get("input")
    return f", of {picture['width_px']} x {picture['height_px']} pixels" if picture else ""


def _sizes(told: dict[str, Any]) -> dict[str, str]:
    if "parameters" not in told:
        return {}
    mask = told["mask_parameters"]
    head = f"{told['head_parameters']:,} of the head" + (f" ({mask:,} of its mask)" if mask else "")
    return {"parameters": f"{told['parameters']:,}: {told['backbone_parameters']:,} of the backbone, {head}"}


def _lines(facts: dict[str, str]) -> None:
    for word, fact in facts.items():
        if fact:
            typer.echo(f"  {word:12} {fact}")
