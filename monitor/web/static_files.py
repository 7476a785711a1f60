"""Style sheets, scripts and the icon: the files of ``static/``, each under a URL of its content.

The URL carries a digest, so a browser may keep the file for good and never shows an old one with a
new page. Nothing is built: what is in the folder is what is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Self

from flask import Response, request
from werkzeug.exceptions import NotFound

from monitor.render import ReportAssets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Of what may lie in the folder, by the end of its name."""

_FOR_GOOD = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file.

    Attributes:
        name: Its name in the folder.
        content: Its bytes.
        digest: Of the content; part of its URL.
    """

    name: str
    content: bytes
    digest: str

    @property
    def url(self) -> str:
        """The path and query that it is asked for under."""
        return f"/static/{self.name}?v={self.digest}"

    @property
    def content_type(self) -> str:
        """The media type."""
        return CONTENT_TYPES[self.name[self.name.rindex(".") :]]


class StaticFiles:
    """Every file of the folder, read once: they change with the program alone."""

    def __init__(self, found: Mapping[str, bytes]) -> None:
        """Know these files, by their names."""
        self._files = {
            name: StaticFile(name, content, blake2b(content, digest_size=8).hexdigest())
            for name, content in found.items()
        }

    @classmethod
    def load(cls) -> Self:
        """Read what comes with the program."""
        folder = files("monitor.web").joinpath("static")
        return cls(
            {
                entry.name: entry.read_bytes()
                for entry in folder.iterdir()
                if entry.name.endswith(tuple(CONTENT_TYPES))
            }
        )

    def url(self, name: str) -> str:
        """Return the URL of a file, for a page; ``static_url`` in templates."""
        return self._files[name].url

    def text(self, name: str) -> str:
        """Return what is in a file."""
        return self._files[name].content.decode()

    def get(self, name: str) -> StaticFile | None:
        """Return a file, or None where there is none of that name."""
        return self._files.get(name)


def add_static_files(app: Flask) -> None:
    """Add ``/static/<name>``, and ``static_url`` to the templates."""
    static_files = StaticFiles.load()
    app.jinja_env.globals["static_url"] = static_files.url

    @app.get("/static/<name>")
    def static_file(name: str) -> Response:
        found = static_files.get(name)
        if found is None:
            raise NotFound
        response = Response(found.content, content_type=found.content_type)
        # Under another digest an old page asks a new program: what it gets is not what it meant.
        is_same = request.args.get("v") == found.digest
        response.headers["Cache-Control"] = _FOR_GOOD if is_same else _ASK_AGAIN
        return response


def report_assets() -> ReportAssets:
    """Return the sheets and the script of a report that stands alone, as it looks like a page."""
    found = StaticFiles.load()

    def texts(*names: str) -> str:
        return "\n".join(found.text(name) for name in names)

    return ReportAssets(
        style=texts("app.css", "charts.css", "action.css", "report.css"), script=texts("curve.js")
    )
