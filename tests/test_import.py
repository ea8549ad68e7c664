"""Importing whence does nothing, and asking for help stays quick."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import whence

HEAVY = ("cv2", "faiss", "lancedb", "matplotlib", "poselib", "pyarrow", "pyproj", "scipy", "torch")
LAYERS = [f"whence.{layer.name}" for layer in pkgutil.iter_modules(whence.__path__) if layer.name != "__main__"]

CLEAN = """
import json, logging, os, socket, sys, threading, warnings

def state():
    return {
        "handlers": len(logging.root.handlers) + sum(
            len(getattr(logger, "handlers", ())) for logger in logging.root.manager.loggerDict.values()
        ),
        "environment": dict(os.environ),
        "filters": [str(entry) for entry in warnings.filters],
        "threads": threading.active_count(),
        "folder": os.getcwd(),
    }

def refuse(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "urllib.")):
        raise RuntimeError(f"importing did {event}")

before = state()
sys.addaudithook(refuse)
import whence
print(json.dumps({"loaded": sorted(sys.modules), "changed": [k for k, v in state().items() if v != before[k]]}))
"""

ALONE = """
import importlib, json, pkgutil, sys
failed = {}
layer = importlib.import_module(sys.argv[1])
names = [layer.__name__]
if hasattr(layer, "__path__"):
    names += [module.name for module in pkgutil.walk_packages(layer.__path__, layer.__name__ + ".")]
for name in names:
    for loaded in [key for key in sys.modules if key.split(".")[0] == "whence"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(json.dumps(failed))
"""


def run(code: str, *arguments: str) -> Any:
    """What a fresh interpreter prints, as JSON; it prints nothing else."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_importing_whence_does_nothing() -> None:
    seen = run(CLEAN)
    assert seen["changed"] == []
    roots = {name.split(".")[0] for name in seen["loaded"]}
    assert not roots.intersection({*HEAVY, "numpy", "PIL", "rich", "typer"})


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "whence", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Usage" in done.stdout
    times = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in times}
    assert "whence" in loaded
    assert not loaded.intersection({*HEAVY, "numpy", "PIL"})


def test_what_is_public_is_there() -> None:
    assert sorted(whence.__all__) == dir(whence)
    missing = [name for name in whence.__all__ if getattr(whence, name, None) is None]
    assert not missing
    with pytest.raises(AttributeError, match="no_such_name"):
        whence.no_such_name  # noqa: B018


@pytest.mark.parametrize("layer", LAYERS)
def test_every_module_of_a_layer_can_be_imported_alone(layer: str) -> None:
    assert run(ALONE, layer) == {}
