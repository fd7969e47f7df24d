"""A comparison as one HTML page that needs nothing else: no network, no script, no file beside it."""

from __future__ import annotations

from pathlib import Path

from envlock import __version__
from envlock.audit.compare import view
from envlock.audit.compare.model import Comparison
from envlock.audit.evidence.needed import needed
from envlock.audit.evidence.plots import WIDTH, Plot, plot
from envlock.report.text import size

_OWN = Path(__file__).with_name("templates")
_SHARED = Path(__file__).parents[1] / "evidence" / "templates"  # the style of all pages


def render_page(comparison: Comparison) -> bytes:
    """The page; the template engine escapes every value. Raises ToolMissing without jinja2."""
    needed("jinja2")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader([_OWN, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = pages.get_template("compare.html.j2").render(
        c=comparison,
        view=view,
        size=size,
        width=WIDTH,
        version=__version__,
        charts=list(_charts(comparison)),
        owners=[
            (each.route, plot(list(view.owners(each)))) for each in comparison.routes if each.weight.shares
        ],
    )
    return f"{text}\n".encode()


def _charts(comparison: Comparison) -> list[tuple[str, Plot]]:
    routes = comparison.routes
    downloads = [
        (str(r.route), r.weight.download, size(r.weight.download)) for r in routes if r.weight.shares
    ]
    charts: list[tuple[str, Plot]] = [("Download", plot(downloads))]
    made = [(str(each.route), each.measured) for each in routes if each.measured is not None]
    if made:
        charts += [
            ("Size on disk", plot([(name, m.disk, size(m.disk)) for name, m in made])),
            ("Seconds to make, cold", plot([(name, m.cold, f"{m.cold:.1f} s") for name, m in made])),
            ("Seconds to make, warm", plot([(name, m.warm, f"{m.warm:.1f} s") for name, m in made])),
            ("Seconds to verify", plot([(name, m.verify, f"{m.verify:.1f} s") for name, m in made])),
        ]
    return charts
