"""Execute the chapters side by side, before Sphinx reads them one after another.

A chapter talks to a Python of its own and mostly waits for it, so several run at once: one a processor. What one has
printed goes into the execution cache, where Sphinx finds it as it reads. A chapter that fails leaves nothing there;
Sphinx executes it again, and says what is wrong with it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from myst_nb.core.config import NbParserConfig
from myst_nb.core.execute import ExecutionError, create_client
from myst_nb.core.loggers import DocutilsDocLogger
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import new_document

LOGGER = logging.getLogger(__name__)


def execute_ahead(app: Sphinx, env: BuildEnvironment, names: Iterable[str]) -> None:
    """Execute those of the pages about to be read whose outputs are not in the cache."""
    config: NbParserConfig = env.mystnb_config  # type: ignore[attr-defined]
    _ = get_cache(config.execution_cache_path).db  # made by being asked for, so that no two chapters make it at once
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    def execute(name: str) -> None:
        path = Path(env.doc2path(name))
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, config, text)  # type: ignore[attr-defined]
        if reader is None:
            return  # a page without cells
        notebook = reader.read(text)
        logger = DocutilsDocLogger(new_document(str(path)))
        with contextlib.suppress(ExecutionError), create_client(notebook, str(path), config, logger, reader.read_fmt):
            LOGGER.info("outputs of %s are there", name)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(execute, sorted(names)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", execute_ahead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
