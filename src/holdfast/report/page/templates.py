"""Pages from templates: every text escaped, styles and scripts inside, and a policy that lets nothing else through."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from holdfast.report.wording import printable
from holdfast.system import escaped


def fill(
    template: str, *, styles: Sequence[str] = ("page/page.css",), scripts: Sequence[str] = (), **values: Any
) -> str:
    """The page as text. A template finds its `style`, `script` and `policy` (Content-Security-Policy) beside values.

    styles, scripts: files of this package. Scripts run by their hash alone; images are data; nothing is loaded.
    """
    environment = Environment(
        loader=PackageLoader("holdfast.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: escaped(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    script = _read(scripts)
    found = {"style": Markup(_read(styles)), "script": Markup(script), "policy": _policy(script)}
    return environment.get_template(template).render(**found, **values)


def _read(names: Sequence[str]) -> str:
    return "\n".join(files("holdfast.report").joinpath(name).read_text("utf-8") for name in names)


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{digest}'; " if script else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; {allowed}base-uri 'none'; form-action 'none'"
