"""Plots as inline SVG: text stays text, colours are the page's own variables, so one drawing serves light and dark."""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#010101", "#020202"
COLOURS = [f"#0300{place:02x}" for place in range(8)]
_VARIABLES = {INK: "currentColor", FAINT: "var(--faint)"} | {c: f"var(--e{i})" for i, c in enumerate(COLOURS)}
"""Matplotlib wants colours, the page wants variables: placeholders stand in for them and are exchanged in the text."""

DASHES = ("-", "--", "-.", ":") * 2

_STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "y"},
    **{"grid.color": FAINT, "grid.linewidth": 0.8, "axes.linewidth": 0.8, "axes.axisbelow": True},
    **{"font.size": 11, "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left"},
    **{"text.parse_math": False, "text.usetex": False, "axes.unicode_minus": True, "svg.fonttype": "none"},
    **{"xtick.major.width": 0.8, "ytick.major.width": 0.8, "lines.linewidth": 1.8, "figure.facecolor": "none"},
    **{"axes.facecolor": "none", "savefig.facecolor": "none"},
}


@dataclass(frozen=True)
class Plot:
    """An SVG with the sentence that stands for it where it is not seen."""

    name: str
    alt: str
    svg: str


def draw(name: str, alt: str, size: tuple[int, int], paint: "Callable[[Figure], None]") -> Plot:
    """Lets `paint` draw on an empty figure of size (width, height) in CSS pixels and returns it as inline SVG."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has the glyphs that ours lacks
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure)
        lay_out(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Plot(name, alt, _inline(text.getvalue(), name, size))


def lay_out(figure: "Figure") -> None:
    """Places what is on a figure, once: savefig would draw all of it for that, and then draw it again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def _inline(svg: str, name: str, size: tuple[int, int]) -> str:
    """The <svg> element alone: no prologue, no style sheet, ids of its own, colours as variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r"<svg[^>]*>", f'<svg width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">', svg, count=1
    )
    svg = re.sub(r"#0[1-3]0[0-2]0[0-7]", lambda found: _VARIABLES.get(found[0], found[0]), svg)
    svg = re.sub(r"font: ([^;\"]*?)(\d+px) [^;\"]*", r"font-size: \2", svg)
    return re.sub(r"\n\s*", "\n", svg).strip()
