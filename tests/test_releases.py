"""What is released: one version, a locked environment, packages that hold what they need, typed public names."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import whence
from samples import Run

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = ROOT / "requirements-test.lock"
NEEDED = (
    "py.typed",
    "describe/builtin.npz",
    "models/catalogue.toml",
    "photos/datasets.toml",
    "present/location.schema.json",
    "recipes/data/default.toml",
    "web/page/login.html",
    "web/page/static/index.js",
    "web/page/static/page.css",
)
CONSUMER = '''
"""Uses every public name as the documentation does."""

import numpy as np
import whence
from whence import XY, Answer, Candidate, Gallery, IndexReport, LatLon, Location, Locator, Recipe, Removal, Status
from whence import Where, WhenceError, index, load_recipe, remove


def nearest(candidates: tuple[Candidate, ...]) -> str:
    return candidates[0].path if candidates else ""


def main() -> None:
    recipe: Recipe = load_recipe("default")
    report: IndexReport = index("photos", "gallery", recipe=recipe, workers=2)
    gallery: Gallery = Gallery.open("gallery")
    locator = Locator(gallery, where=Where(), tolerance_m=25.0)
    answer: Answer = locator.answer(np.zeros((480, 640, 3), np.uint8))
    location: Location = locator.locate("photo.jpg")
    if location.status is Status.LOCATED and isinstance(location.position, LatLon):
        print(location.position.lat + location.position.lon, location.radius_m, answer.location.confidence)
    elif isinstance(location.position, XY):
        print(location.position.x - location.position.y, nearest(location.candidates))
    try:
        gone: Removal = remove("gallery", ["photo.jpg"])
        print(gone, report.added + report.changed, whence.__version__.split("."))
    except WhenceError as error:
        print(str(error))
'''


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Requirements of the lock by name, and how many hashes each has."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for entry in LOCK.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        said, *hashes = entry.split("--hash=")
        if said.strip() and not said.startswith("#"):
            requirement = Requirement(said)
            found.setdefault(canonicalize_name(requirement.name), []).append((requirement, len(hashes)))
    return found


def wanted(extra: str) -> Iterator[Requirement]:
    """What an extra of whence asks for, those that it contains included."""
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == "whence":
            for inner in requirement.extras:
                yield from wanted(inner)
        else:
            yield requirement


def test_the_lock_fits_the_project() -> None:
    pins = locked()
    for requirement in [*map(Requirement, PROJECT["dependencies"]), *wanted("test")]:
        found = pins.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement.name} is not in {LOCK.name}; docs/releasing.md says how to make it anew"
        for pin, _ in found:
            (exact,) = pin.specifier
            assert requirement.specifier.contains(Version(exact.version)), f"{LOCK.name} has {pin}, not {requirement}"


def test_the_lock_is_exact_and_names_no_index() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)  # no options, such as an index of its own
    for pins in locked().values():
        for pin, hashes in pins:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert hashes, f"{pin} has no hash"


def test_one_version(run: Run, http: httpx.Client) -> None:
    told = run("--version")
    assert whence.__version__ in told.out.split()
    assert metadata.version("whence") == whence.__version__
    assert http.get("/openapi.json").json()["info"]["version"] == whence.__version__
    assert "version" not in PROJECT


@pytest.mark.parametrize("name", sorted(set(whence.__all__) - {"__version__"}))
def test_public_names_are_annotated(name: str) -> None:
    public = getattr(whence, name)
    if not inspect.isclass(public):
        assert_annotated(public)
        return
    for key, member in vars(public).items():
        if key.startswith("_") and key != "__init__":
            continue
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, classmethod | staticmethod):
            member = member.__func__
        if inspect.isfunction(member):
            assert_annotated(member)


def assert_annotated(function: Callable[..., object]) -> None:
    signature = inspect.signature(function)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name not in ("self", "cls")]
    bare = [parameter.name for parameter in parameters if parameter.annotation is parameter.empty]
    assert not bare, f"{function.__qualname__}: {bare}"
    assert signature.return_annotation is not signature.empty, function.__qualname__


@pytest.mark.slow
def test_a_program_of_others_is_type_checked(tmp_path: Path) -> None:
    """Strictly, against the installed package alone; a misuse is seen, so types do not silently become Any."""
    assert all(re.search(rf"\b{name}\b", CONSUMER) for name in whence.__all__)
    (tmp_path / "right.py").write_text(CONSUMER, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(
        CONSUMER.replace('index("photos",', "index(7,").replace("tolerance_m=25.0", 'tolerance_m="25"'),
        encoding="utf-8",
    )
    words = ["--strict", "--config-file", os.devnull, "--cache-dir", str(tmp_path / "cache")]
    words += ["right.py", "wrong.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stdout.splitlines() if line.startswith(("right.py", "wrong.py"))]
    assert not [line for line in ours if line.startswith("right.py")], done.stdout
    assert len([line for line in ours if "[arg-type]" in line]) == 2, done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel and an sdist, made from this folder with what is installed here."""
    out = tmp_path_factory.mktemp("dist")
    build(ROOT, out, "--wheel", "--sdist")
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def build(source: Path, out: Path, *kinds: str) -> None:
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), *kinds, str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(wheel: Path) -> dict[str, str]:
    """SHA-256 of every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    names = set(contents(built[0]))
    source = {
        f"whence/{path.relative_to(ROOT / 'src/whence').as_posix()}"
        for path in (ROOT / "src/whence").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = f"whence-{whence.__version__}.dist-info"
    extra = {f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    assert names == source | extra
    assert names >= {f"whence/{name}" for name in NEEDED}


@pytest.mark.slow
def test_the_sdist_makes_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, sdist = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert not [path for path in source.rglob("*") if path.suffix in (".pyc", ".so") or ".git" in path.parts]
    build(source, tmp_path / "again", "--wheel")
    (again,) = (tmp_path / "again").iterdir()
    assert contents(again) == contents(wheel)


@pytest.mark.slow
def test_the_wheel_works_where_it_is_installed(built: tuple[Path, Path], tmp_path: Path) -> None:
    """In an environment of its own, which borrows this one's dependencies: `.ci/run` installs those too."""
    venv.create(tmp_path / "env", with_pip=False)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = str(scripts / "python")
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    ours = {sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))}
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(built[0])]
    subprocess.run(install, check=True, capture_output=True)
    (site / "borrowed.pth").write_text("\n".join(sorted(ours)), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}

    def told(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert Path(told(python, "-c", "import whence; print(whence.__file__)").strip()).is_relative_to(site)
    assert whence.__version__ in told(str(scripts / "whence"), "--version")
    assert "--" in told(str(scripts / "whence"), "demo", "--help")
    assert json.loads(told(python, "-c", "import json, whence; print(json.dumps(whence.load_recipe('default').hash))"))
