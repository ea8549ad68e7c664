"""What all plots share: one look, and SVG that follows the page into dark mode.

A plot is drawn by Matplotlib in the colours of a light page, each of which stands for one role; ``svg`` puts the
variables of ``plot.css`` in their place. A figure that is saved otherwise, as a PDF for a paper, is right as it is.
"""

from __future__ import annotations

import functools
import hashlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from xml.etree import ElementTree

from whence.errors import MissingExtraError
from whence.present.words import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

INK, QUIET, LINE, WASH, PAPER = "#1b1f24", "#5b6470", "#d9dde3", "#eceff3", "#fffffe"
SERIES = ("#2459c9", "#c2570c", "#0b8074", "#a3327f", "#7d6b00", "#6b4fc0")
"""One for each run; told apart by colour-blind readers, and by their order in the key."""
MARKS = "osD^vP"
SIZE = (440, 300)
"""Of a plot in pixels: readable beside another on a wide page, and alone on a narrow one."""
LARGEST = 1.15
"""How much a plot may be enlarged to fill its place; beyond, its text would shout."""
_VARIABLES = {INK: "ink", QUIET: "quiet", LINE: "line", WASH: "wash", PAPER: "paper"} | {
    colour: str(number) for number, colour in enumerate(SERIES)
}
_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud, and set in the page's font
    "svg.hashsalt": "whence",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": INK,
    "font.family": ["DejaVu Sans"],  # comes with Matplotlib
    "font.size": 11.5,
    "figure.dpi": 72,  # a point is a pixel
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 11.5,
    "axes.labelpad": 6,
    "axes.titlecolor": QUIET,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titlepad": 8,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "xtick.labelcolor": QUIET,
    "xtick.major.size": 4,
    "xtick.minor.size": 2,
    "ytick.color": LINE,
    "ytick.labelcolor": QUIET,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 11,
    "figure.facecolor": "none",
}


def drawn(plot: Callable[P, T]) -> Callable[P, T]:
    """A function that draws in the look of these plots, whatever the user's own settings of Matplotlib are."""

    @functools.wraps(plot)
    def styled(*args: P.args, **kwargs: P.kwargs) -> T:
        with _styled():
            return plot(*args, **kwargs)

    return styled


def check_matplotlib() -> None:
    """Refuses early what could not be drawn.

    Raises:
        MissingExtraError: Matplotlib is not installed.
    """
    with _silent():
        try:
            import matplotlib.figure  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("evaluation reports", "report") from error


def panel(
    size: tuple[int, int] = SIZE,
    *,
    rows: int = 1,
    heights: tuple[float, ...] | None = None,
    left: int = 48,
    right: int = 24,
    top: int = 26,
    bottom: int = 46,
    gap: int = 34,
) -> tuple[Figure, list[Axes]]:
    """An empty figure of ``rows`` axes below each other that share their x; all margins in pixels."""
    from matplotlib.figure import Figure

    width, height = size
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    shares = heights or (1.0,) * rows
    room = (height - top - bottom - gap * (rows - 1)) / sum(shares)
    axes: list[Axes] = []
    edge = float(height - top)
    for share in shares:
        edge -= share * room
        box = (left / width, edge / height, (width - left - right) / width, share * room / height)
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
        edge -= gap
    for upper in axes[:-1]:
        upper.tick_params(labelbottom=False)
    return figure, axes


def colour_of(series: int) -> str:
    """The colour of a run, by its place among the runs."""
    return SERIES[series % len(SERIES)]


def percent_axis(axes: Axes, *, low: float = 0.0) -> None:
    """The y axis of shares of 1, as percentages."""
    axes.set_ylim(low, 1.005)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100 %"])


def note(axes: Axes, x: float, y: float, words: str, **how: Any) -> None:
    """A remark inside a plot, at data coordinates."""
    axes.text(x, y, words, fontdict=None, **({"color": QUIET, "fontsize": 10.5} | how))


def key(axes: Axes, count: int) -> None:
    """Names the runs above the plot, where there are several."""
    if count > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.06), ncols=1, borderaxespad=0, handlelength=1.4)


@drawn
def svg(figure: Figure, alt: str) -> str:
    """A figure as an SVG element that can stand in a page or in a file of its own, for light and dark surroundings.

    Args:
        figure: Drawn in the colours of this module.
        alt: Says what it shows, for readers who do not see it.
    """
    from matplotlib.text import Text

    for words in figure.findobj(Text):
        if isinstance(words, Text):  # names of photos and places may hold anything
            words.set_text(printable(words.get_text()))
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue().decode("utf-8")
    # Pages hold many plots: their ids must differ, and be the same in every run.
    prefix = "p" + hashlib.blake2b((alt + text).encode(), digest_size=4).hexdigest()
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (_SVG + "metadata", _SVG + "style"):
                parent.remove(child)
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w.-]+)", text))
    for element in root.iter():
        _tidy(element, prefix, used)
    width, height = (round(float(part)) for part in root.attrib["viewBox"].split()[2:])
    root.attrib.clear()
    style = files("whence.evaluate.report.plots").joinpath("plot.css").read_text(encoding="utf-8")
    head = ElementTree.Element("style")
    head.text = style
    root.insert(0, head)
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "plot",
        "viewBox": f"0 0 {width} {height}",
        "style": f"max-width:{round(width * LARGEST)}px",
        "role": "img",
        "aria-label": printable(alt),
    }
    return re.sub(r">\s+<", "><", ElementTree.tostring(root, encoding="unicode"))


def _tidy(element: ElementTree.Element, prefix: str, used: set[str]) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    found = dict(element.attrib)
    element.attrib.clear()
    for name, value in found.items():
        if name == "id":
            if value in used:
                element.set("id", prefix + value)
        elif name == _LINK:
            element.set("href", "#" + prefix + value[1:])
        elif name == "style":
            element.set("style", _coloured(value.replace("url(#", "url(#" + prefix)))
        elif name == "d":
            element.set("d", _rounded(" ".join(value.split())))
        elif name == "transform" and re.fullmatch(r"rotate\(-?0 .*\)", value):
            pass
        else:
            element.set(name, _rounded(value.replace("url(#", "url(#" + prefix)))


def _coloured(style: str) -> str:
    style = re.sub(r"font-family: [^;]*;?", "", style)
    style = re.sub(r"#[0-9a-f]{6}\b", lambda hit: _variable(hit.group()), style)
    return _rounded(style)


def _variable(colour: str) -> str:
    return f"var(--pl-{_VARIABLES[colour]})" if colour in _VARIABLES else colour


def _rounded(text: str) -> str:
    """Hundredths of a pixel are enough."""
    return re.sub(r"-?\d+\.\d{3,}", lambda hit: f"{float(hit.group()):.2f}".rstrip("0").rstrip("."), text)


@contextmanager
def _styled() -> Iterator[None]:
    check_matplotlib()
    import matplotlib

    with _silent(), matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


@contextmanager
def _silent() -> Iterator[None]:
    """Without Matplotlib's remarks on its cache of fonts, and on letters that its font lacks: the page's has them."""
    logger = logging.getLogger("matplotlib")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            yield
    finally:
        logger.setLevel(before)
