"""Write down which files of the project a Python uses: the modules that it runs, the data that it opens.

``touched.py`` puts this folder on the path of the Python that executes a chapter, so that it, and every Python that it
starts, loads this module before all else. A module counts when its code is run, not when its source is read: the
compiler reads the sources of all kernels to know whether machine code is stale, and no output depends on that.
"""

import contextlib
import os
import sys

NOTES = "SIMSOFTMAX_WITNESS"  # the file to write into
FOLDERS = "SIMSOFTMAX_WITNESSED"  # what is of interest

if NOTES in os.environ:
    folders = tuple(os.environ[FOLDERS].split(os.pathsep))
    seen = set()

    def note(event: str, args: tuple) -> None:
        """Look at what Python is about to do (`sys.addaudithook`)."""
        if event == "exec":
            path = getattr(args[0], "co_filename", "<nothing>")
        elif event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            path = os.fsdecode(args[0])
            if args[1] is None and not os.path.isabs(path):
                return  # `os.open`, perhaps below another folder than this one
        else:
            return
        if path.startswith("<") or (event == "open" and (path.endswith((".py", ".pyc")) or "__pycache__" in path)):
            return
        path = os.path.abspath(path)
        if path not in seen and path.startswith(folders):
            seen.add(path)
            # Another file each time, for a child may have closed what its parent opened.
            with contextlib.suppress(FileNotFoundError), open(os.environ[NOTES], "a", encoding="utf-8") as notes:
                notes.write(path + "\n")

    sys.addaudithook(note)
