"""Execute the chapters side by side, before Sphinx reads them one after another.

A chapter talks to a Python of its own and mostly waits for it, so several run at once: one a processor. What one has
printed goes into the execution cache, with what it depends on (``touched.py``), and Sphinx finds it there as it reads.
A chapter that fails leaves nothing; Sphinx executes it again, and says what is wrong with it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.config import NbParserConfig
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from touched import chapter, witnessed

LOGGER = logging.getLogger(__name__)


def execute_ahead(app: Sphinx, env: BuildEnvironment, names: Iterable[str]) -> None:
    """Execute those of the pages about to be read whose outputs are not in the cache."""
    config: NbParserConfig = env.mystnb_config  # type: ignore[attr-defined]
    cache = get_cache(config.execution_cache_path)
    _ = cache.db  # made by being asked for, so that no two chapters make it at once
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    def execute(name: str) -> None:
        notebook = chapter(env, name)
        if notebook is None:
            return
        path = Path(env.doc2path(name))
        with contextlib.suppress(KeyError):
            cache.match_cache_notebook(notebook)
            return
        client = NotebookClient(
            notebook,
            timeout=config.execution_timeout,
            startup_timeout=config.execution_timeout,  # a busy machine is slow to start a Python
            resources={"metadata": {"path": str(path.parent)}},
            record_timing=False,  # it would be in the notebook, and the cache not know it again
        )
        begin = time.perf_counter()
        with (
            contextlib.suppress(CellExecutionError, CellTimeoutError, DeadKernelError),
            witnessed(Path(app.srcdir)) as (environment, used),
        ):
            client.execute(env=environment)
        if used:
            data = {"execution_seconds": time.perf_counter() - begin, "used": used}
            cache.cache_notebook_bundle(
                CacheBundleIn(notebook, str(path), data=data), check_validity=False, overwrite=True
            )
            LOGGER.info("outputs of %s are there", name)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(execute, sorted(names)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", execute_ahead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
