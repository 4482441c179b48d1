"""Tell the pages where they are published, and where their source is.

A build for oneself has neither: its pages make no request and name no host. Whoever publishes says both by the
environment, as `.github/workflows/pages.yml` does with what the host answers, so that a fork works unedited:

- ``BOOK_ADDRESS``, where the pages will be, say ``https://someone.github.io/simsoftmax``;
- ``BOOK_SOURCE``, the repository, say ``https://github.com/someone/simsoftmax``.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError


def _given(name: str) -> str:
    """Return an address from the environment without its last slash; empty if none is given."""
    address = os.environ.get(name, "").rstrip("/")
    if address and (urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc):
        raise ConfigError(
            f"{name} must be an address that begins with https://, got {address!r}; leave it out for none"
        )
    return address


def fill_in(app: Sphinx, config: Config) -> None:
    """Put both into the configuration."""
    address, source = _given("BOOK_ADDRESS"), _given("BOOK_SOURCE")
    if address:
        config.html_baseurl = f"{address}/"
    if source:
        config.html_theme_options |= {
            "repository_url": source,
            "repository_branch": "main",
            "use_repository_button": True,
            "use_source_button": True,
            "use_issues_button": True,
        }


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", fill_in, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
