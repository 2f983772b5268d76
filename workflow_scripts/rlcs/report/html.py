"""Self-contained HTML pages: ``templates/*.j2``, filled with values and with nothing from elsewhere.

Whatever people or models wrote is escaped; data for a page's own script goes in as JSON (``tojson``), in
which no tag can end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import markupsafe

TEMPLATES = Path(__file__).parent / "templates"
STYLE = "page.css.j2"


def fill(template: str, **values: Any) -> str:
    """A page as HTML; its template takes ``values`` and ``style``, which all pages share.

    Raises:
        jinja2.UndefinedError: a value that the template takes is missing.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = markupsafe.Markup(environment.get_template(STYLE).render())  # our own
    return environment.get_template(template).render(style=style, **values)
