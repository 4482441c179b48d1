"""Where machine code is kept, and who may have put it there.

A file of machine code is executed, so it must be the work of somebody who could as well change this program: the user
or the administrator. A digest in the file tells only that it is whole. So a folder, and a file in it, counts when it
belongs to the user or to root and nobody else may write to it; what is checked is what was opened, so that nothing can
be put in its place in between. A folder that others own or may write to is left alone with one warning, and each
process compiles for itself; where there is no folder or none can be written, it does so without one.

The folder is the user's own (``~/.cache/simsoftmax/kernels`` on Linux, made with mode 0700), or where numba is told to
keep its files (``NUMBA_CACHE_DIR``). It serves one user. An administrator who fills a folder that others can read, and
names it there, serves them all. Windows tells no owner in this way: there a folder counts if it lies in the user's
home, which Windows guards.

What was not used for a month goes when something new is kept, so nothing of earlier versions stays for ever.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

__all__ = ["read", "usable", "user_folder", "write"]

_MONTH, _HOUR = 30 * 86400.0, 3600.0
_KEPT = re.compile(r"\w+-[0-9a-f]{32}\.o")
_PARTIAL = re.compile(r"\.\w+-[0-9a-f]{32}\.o\.[0-9a-f]{16}\.tmp")

_warned: set[str] = set()


class _UntrustedError(Exception):
    """What lies there may be the work of others; the message says what it is and what to do."""


def user_folder() -> Path | None:
    """Return the folder of this package in the user's cache folder, or None if the user has none."""
    from platformdirs import user_cache_path

    try:
        path = user_cache_path("simsoftmax")
    except RuntimeError:  # neither HOME nor an entry among the users
        return None
    return path if path.is_absolute() else None  # some versions leave "~" as it is where there is no home


def read(name: str) -> bytes | None:
    """Return what is kept under a name, or None if there is nothing, or nothing whole that can be trusted."""
    try:
        with _Folder() as folder:
            content = folder.read(name)
    except (OSError, _UntrustedError) as error:
        _tell(error)
        return None
    return content[32:] if hashlib.sha256(content[32:]).digest() == content[:32] else None


def write(name: str, content: bytes) -> None:
    """Keep something whole: other processes see all of it or nothing. Where that cannot be, nothing is kept."""
    try:
        with _Folder(make=True) as folder:
            folder.write(name, hashlib.sha256(content).digest() + content)
            folder.prune()
    except (OSError, _UntrustedError) as error:
        _tell(error)


def usable() -> bool:
    """Return whether something can be kept; the folder is made if need be."""
    try:
        with _Folder(make=True) as folder:
            return os.access(folder.path, os.W_OK)
    except (OSError, _UntrustedError) as error:
        _tell(error)
        return False


def _tell(error: Exception) -> None:
    """Warn, once, of what cannot be trusted; a folder that is not there or full is no news."""
    if isinstance(error, _UntrustedError) and str(error) not in _warned:
        _warned.add(str(error))
        warnings.warn(f"{error} Until then each process compiles for itself.", RuntimeWarning, stacklevel=2)


def _chosen() -> Path:
    """Return the folder that is meant, always absolute."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    own = user_folder()
    if not named:
        if own is None:
            raise FileNotFoundError("there is no cache folder, for there is no home folder")
        return own / "kernels"
    path = Path(named).absolute()
    if os.name == "nt" and not path.is_relative_to(Path.home()):
        raise _UntrustedError(
            f"NUMBA_CACHE_DIR is {path}, outside your home folder, and who may write there cannot be told on Windows, "
            "so no machine code is kept there; choose a folder in your home."
        )
    return path


def _check(status: os.stat_result, what: str) -> None:
    """Refuse what others own or may change."""
    if not hasattr(os, "geteuid"):
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise _UntrustedError(
            f"{what} belongs to user {status.st_uid} and not to you, so no machine code is taken from there; remove "
            "it, or name a folder of your own in NUMBA_CACHE_DIR."
        )
    if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o022:
        raise _UntrustedError(
            f"{what} may be written by others (mode {stat.S_IMODE(status.st_mode):04o}), so no machine code is taken "
            "from there; run chmod go-w on it."
        )


class _Folder:
    """The folder, opened and checked. Its files are named relative to what was opened, where the system can do so."""

    def __init__(self, *, make: bool = False) -> None:
        self.path = _chosen()
        if make:
            for part in reversed([self.path, *self.path.parents]):
                if not part.exists():
                    with contextlib.suppress(FileExistsError):
                        part.mkdir(0o700)
        _check_link(self.path)
        self.descriptor: int | None = None
        if os.open in os.supports_dir_fd:
            self.descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _check(os.stat(self.path if self.descriptor is None else self.descriptor), f"the folder {self.path}")
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)

    def _place(self, name: str) -> str:
        return name if self.descriptor is not None else str(self.path / name)

    def _open(self, name: str, flags: int) -> int:
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self._place(name), flags, 0o644, dir_fd=self.descriptor)

    def read(self, name: str) -> bytes:
        with open(self._open(name, os.O_RDONLY), "rb") as file:
            status = os.fstat(file.fileno())
            _check(status, f"the file {self.path / name}")
            return file.read() if stat.S_ISREG(status.st_mode) else b""

    def write(self, name: str, content: bytes) -> None:
        partial = f".{name}.{secrets.token_hex(8)}.tmp"
        try:
            with open(self._open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                file.write(content)
            os.replace(self._place(partial), self._place(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except BaseException:
            self._remove(partial)
            raise

    def prune(self) -> None:
        """Remove what was not used for a month, and what a process that was killed left half written."""
        now = time.time()
        for name in self._names():
            with contextlib.suppress(OSError):
                status = os.stat(self._place(name), dir_fd=self.descriptor, follow_symlinks=False)
                age = now - max(status.st_atime, status.st_mtime)
                if (age > _MONTH and _KEPT.fullmatch(name)) or (age > _HOUR and _PARTIAL.fullmatch(name)):
                    self._remove(name)

    def _names(self) -> Iterator[str]:
        yield from os.listdir(self.path if self.descriptor is None else self.descriptor)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._place(name), dir_fd=self.descriptor)


def _check_link(path: Path) -> None:
    """Refuse a folder that is a link which somebody else has laid."""
    if path.is_symlink():
        _check(os.lstat(path), f"the link {path}")
