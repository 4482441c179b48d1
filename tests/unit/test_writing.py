"""Files are written whole or not at all: what was there before survives a full disk, an error and Ctrl-C."""

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import simsoftmax as ss
from simsoftmax.__main__ import main
from simsoftmax.files import atomic_writer


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("no")])
def test_the_earlier_file_survives_a_failure(failure, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(b"earlier")

    def write():
        with atomic_writer(path) as file:
            file.write(b"later")
            file.flush()
            assert len(listing(tmp_path)) == 2
            raise failure

    with pytest.raises(type(failure)) as raised:
        write()
    if isinstance(failure, OSError):
        assert raised.value.filename == str(path)
    assert listing(tmp_path) == ["run.npz"]
    assert path.read_bytes() == b"earlier"


@pytest.mark.process
def test_a_full_disk_loses_nothing(tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    pytest.importorskip("resource")
    path = tmp_path / "run.npz"
    ss.simulate([1.0, 0.0], particles=10, sweeps=2, rng=1).save(path)
    before = path.read_bytes()
    code = (
        "import resource, signal, sys, simsoftmax as ss\n"
        "from simsoftmax.__main__ import main\n"
        "run = ss.simulate([1.0, 0.0], particles=100_000, sweeps=2, rng=1, engine='particles')\n"
        "import matplotlib.pyplot, simsoftmax.plotting, simsoftmax.verdict.verification\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "try:\n"
        "    run.save(sys.argv[1])\n"
        "except OSError as error:\n"
        "    print(error.filename)\n"
        "main(['verify', '5,2', '--logits', '1,0', '--plot', sys.argv[2]])\n"
    )
    figure = tmp_path / "figure.png"
    figure.write_bytes(b"earlier")
    command = [sys.executable, "-B", "-c", code, str(path), str(figure)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[0] == str(path)
    assert done.returncode == 2, done.stderr
    assert str(figure) in done.stderr
    assert path.read_bytes() == before
    assert figure.read_bytes() == b"earlier"
    assert listing(tmp_path) == ["figure.png", "run.npz"]


def test_permissions_are_those_of_a_plain_open(tmp_path):
    for mask in (0o022, 0o077, 0o002):
        before = os.umask(mask)
        try:
            plain, ours = tmp_path / f"plain{mask}", tmp_path / f"ours{mask}"
            plain.open("wb").close()
            with atomic_writer(ours) as file:
                file.write(b"x")
        finally:
            os.umask(before)
        assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    ours.chmod(0o640)
    with atomic_writer(ours) as file:
        file.write(b"y")
    assert stat.S_IMODE(ours.stat().st_mode) == 0o640


def test_a_link_is_followed_and_a_device_written_to(tmp_path):
    (tmp_path / "real").write_bytes(b"earlier")
    (tmp_path / "link").symlink_to("real")
    with atomic_writer(tmp_path / "link") as file:
        file.write(b"later")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"later"
    with atomic_writer("/dev/null") as file:
        file.write(b"nothing")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["none/run.npz", "folder"])
def test_what_cannot_be_written_is_named(name, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=name), atomic_writer(tmp_path / name):
        pass
    assert listing(tmp_path) == ["folder"]


@pytest.mark.parametrize("suffix", ["png", "SVG", "pdf"])
def test_figures_of_the_command_line_are_written(suffix, tmp_path):
    path = tmp_path / f"figure.{suffix}"
    with pytest.raises(SystemExit):
        main(["verify", "659,242,99", "--logits", "2,1,0.1", "--plot", str(path)])
    assert path.stat().st_size > 1000
    assert listing(tmp_path) == [path.name]


def test_nothing_else_in_the_package_writes_a_file():
    """Every call that opens a file for writing, or writes one by its name, is on this list."""
    known = {
        ("files.py", "open"),  # the writer itself
        ("kernels/cache.py", "open"),  # a cache of its own kind, which is replaced whole too
        ("calibration/datasets.py", "savez"),  # into the writer
        ("live/look.py", "write_text"),  # sources of the figures, for those who change their colours
        ("trajectory.py", "savez"),  # into the writer
        ("sweeps/store.py", "savez"),  # into the writer
        ("terminal.py", "savefig"),  # into the writer
        ("live/base.py", "savefig"),  # into memory
    }
    names = {"write_text", "write_bytes", "savez", "savez_compressed", "save_npz", "savetxt", "savefig", "tofile"}
    names |= {"NamedTemporaryFile"}
    package, found = Path(ss.__file__).parent, set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if name in names or (name == "open" and any(mode in ("wb", "w", "xb", "x", "a", "ab") for mode in modes)):
                found.add((path.relative_to(package).as_posix(), name))
    assert found <= known, found - known
