"""How good is it? Recipes run on queries whose positions are known, figures with intervals, a report::

    from whence.evaluate import Plan, evaluate, write_results

    found = evaluate(Plan(Path("gallery"), [Path("queries.csv")], out=Path("evaluation")))
    write_results(found, Path("evaluation"))

What this package names is loaded when it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from whence.evaluate.evaluation import evaluate
    from whence.evaluate.plan import Plan
    from whence.evaluate.results import write_results

_HOME = {
    "Plan": "whence.evaluate.plan",
    "evaluate": "whence.evaluate.evaluation",
    "write_results": "whence.evaluate.results",
}
__all__ = ["Plan", "evaluate", "write_results"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'whence.evaluate' has no attribute {name!r}")
