"""The report of an evaluation: one page that loads nothing and runs nothing."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from whence.evaluate.model import Evaluation
from whence.evaluate.report import accuracy, compare, details, html, overview
from whence.evaluate.report.galleries import galleries
from whence.evaluate.report.plots.canvas import check_matplotlib
from whence.present import page


def write_report(evaluation: Evaluation, path: Path, *, private: bool = False) -> None:
    """Writes an evaluation as one self-contained HTML file, for light and dark screens and for print.

    Args:
        evaluation: What was found. Galleries and photos that it names are looked at for pictures; where they are gone
            there are fewer pictures, and no error.
        path: The file to write; an existing one is replaced.
        private: Leave out pictures, names of photos and groups, and the command.

    Raises:
        MissingExtraError: Without the extra ``[report]``.
        InputError: The file cannot be written.
    """
    page.save(path, report_page(evaluation, private=private))


def report_page(evaluation: Evaluation, *, private: bool = False) -> str:
    """The HTML of a report; see ``write_report``."""
    check_matplotlib()
    style = files("whence.evaluate.report").joinpath("report.css").read_text(encoding="utf-8")
    return page.document(
        "Evaluation" if private or not evaluation.title else evaluation.title,
        f"<style>\n{style}</style>",
        overview.lead(evaluation),
        html.card(overview.main_table(evaluation), overview.first_plot(evaluation)),
        accuracy.recall(evaluation),
        accuracy.errors(evaluation),
        accuracy.confidence(evaluation),
        accuracy.maps(evaluation, private=private),
        compare.comparison(evaluation),
        compare.sweep(evaluation),
        details.classes(evaluation),
        galleries(evaluation, private=private),
        details.leaks(evaluation, private=private),
        details.passed_over(evaluation, private=private),
        details.costs(evaluation),
        details.all_figures(evaluation),
        _footer(evaluation, private=private),
    )


def _footer(evaluation: Evaluation, *, private: bool) -> str:
    parts = [f"Made by whence {evaluation.version}".strip(), f"seed {evaluation.seed}"]
    command = f"<p><code>{page.text(evaluation.command)}</code></p>" if evaluation.command and not private else ""
    made = page.text(", ".join(parts))
    return f"<footer><p>{made}. Every query counts, unless a figure says otherwise.</p>{command}</footer>"
