"""The folder of machine code: only the user's own work is executed, and nothing depends on having one."""

import errno
import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from another_user import BECOME

from simsoftmax.kernels import cache, compiler

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are those of POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let every test begin with nothing kept and nothing said."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(cache, "_warned", set())
    return tmp_path / "kept"


def honest(out):
    """Return 7."""
    return 7 if out.size else 0


def planted(out):
    """Return 13, as the work of somebody else would."""
    return 13 if out.size else 0


def run():
    return compiler._Kernel(honest)(np.zeros(1))


def plant(folder):
    """Put whole and well-formed code of another function where that of ``honest`` is looked for; return its path."""
    assert compiler._Kernel(honest)(np.zeros(1)) == 7
    (mine,) = folder.iterdir()
    mine.unlink()
    assert compiler._Kernel(planted)(np.zeros(1)) == 13
    (other,) = folder.iterdir()
    return other.rename(mine)


def give_away(path, monkeypatch):
    """Make a path somebody else's: really so for root, and for others by being somebody else from now on."""
    if os.geteuid() == 0:
        os.chown(path, 4711, 4711, follow_symlinks=False)
    else:
        another = os.geteuid() + 1
        monkeypatch.setattr(cache.os, "geteuid", lambda: another)


@posix
def test_what_the_user_has_made_is_executed(folder):
    """The control of the next test: this is how a planted file would show."""
    plant(folder)
    assert run() == 13


WAYS = {"foreign": None, "group": 0o770, "world": 0o777, "world and sticky": 0o1777}


@posix
@pytest.mark.parametrize(
    ("what", "how"), [*((what, how) for what in ("folder", "file") for how in WAYS), ("link", "foreign")]
)
def test_what_others_own_or_may_change_is_never_executed(what, how, folder, monkeypatch, tmp_path):
    file = plant(folder)
    if what == "link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    guarded = file if what == "file" else folder
    if how == "foreign":
        give_away(guarded, monkeypatch)
    else:
        guarded.chmod(WAYS[how])
    with pytest.warns(RuntimeWarning, match="no machine code is taken from there; .*each process compiles for itself"):
        assert run() == 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run() == 7  # and says so once


@posix
def test_a_link_in_the_folder_is_not_followed(folder, tmp_path):
    file = plant(folder)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert run() == 7


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can fill a folder for others")
@pytest.mark.process
def test_what_the_administrator_has_made_serves_all(folder):
    """Root could change this program as well."""
    name = "made-" + "0" * 32 + ".o"
    cache.write(name, b"content")
    folder.chmod(0o755)
    code = f"from simsoftmax.kernels import cache; print(cache.read({name!r}), cache.usable())"
    done = subprocess.run([sys.executable, "-c", BECOME + code], capture_output=True, text=True)
    assert done.stdout.split() == ["b'content'", "False"], done.stderr


@posix
@pytest.mark.parametrize("mask", [0, 0o002, 0o022, 0o077])
def test_nobody_else_may_write_whatever_the_mask(mask, folder):
    before = os.umask(mask)
    try:
        cache.write("made-" + "0" * 32 + ".o", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = folder.iterdir()
    assert not file.stat().st_mode & 0o022
    assert cache.read(file.name) == b"content"


@pytest.mark.parametrize(
    "home", ["~/.cache/simsoftmax", "relative", RuntimeError("Could not determine home directory.")]
)
def test_without_a_home_nothing_is_kept_and_nothing_is_written_nearby(home, monkeypatch, tmp_path):
    def user_cache_path(_):
        if isinstance(home, Exception):
            raise home
        return Path(home)

    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(platformdirs, "user_cache_path", user_cache_path)
    monkeypatch.chdir(tmp_path)
    assert cache.user_folder() is None
    assert not cache.usable()
    assert run() == 7
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["open", "replace"])
def test_a_full_disk_leaves_nothing_behind(step, folder, monkeypatch):
    cache.write("first-" + "0" * 32 + ".o", b"content")

    class Full:
        def __init__(self, *_):
            self.descriptor = _[0]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            os.close(self.descriptor)

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "open":
        monkeypatch.setattr(cache, "open", Full, raising=False)
    else:
        monkeypatch.setattr(cache.os, "replace", full)
    for k in range(3):
        cache.write(f"next-{k:032x}.o", b"content")
    assert len(list(folder.iterdir())) == 1


def test_what_was_not_used_for_a_month_goes(folder):
    old, used, fresh = (f"kernel-{k:032x}.o" for k in range(3))
    partial = f".{old}.{0:016x}.tmp"
    foreign = "numba-cache.nbi"
    for name in (old, used, fresh):
        cache.write(name, b"content")
    for name in (partial, foreign):
        (folder / name).write_bytes(b"content")
    ago = time.time() - 40 * 86400
    for name in (old, partial, foreign):
        os.utime(folder / name, (ago, ago))
    os.utime(folder / used, (time.time(), ago))
    cache.write("new-" + "f" * 32 + ".o", b"content")
    assert {path.name for path in folder.iterdir()} == {used, fresh, foreign, "new-" + "f" * 32 + ".o"}


def test_a_pipe_in_the_folder_is_not_waited_for(folder):
    name = "pipe-" + "0" * 32 + ".o"
    cache.write(name, b"")
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert cache.read(name) is None
