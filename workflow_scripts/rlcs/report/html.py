"""Self-contained HTML pages from ``templates/*.j2``; they load nothing from elsewhere.

Text of people and models is escaped. Data for the script of a page is JSON (``tojson``), which cannot close a
tag.
"""

from pathlib import Path
from typing import Any

import jinja2
import markupsafe

TEMPLATES = Path(__file__).parent / "templates"
STYLE = "page.css.j2"


def load_template(name: str, *, autoescape: bool = True) -> jinja2.Template:
    """Load a template, whose values must all be given; whether text in it is escaped as in HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def fill_template(template: str, **values: Any) -> str:
    """Fill a template with ``values`` and with the style sheet that all pages share; return the HTML.

    Raises:
        jinja2.UndefinedError: ``values`` lacks one that the template uses.
    """
    style = markupsafe.Markup(load_template(STYLE).render())  # no text of people or models
    return load_template(template).render(style=style, **values)
