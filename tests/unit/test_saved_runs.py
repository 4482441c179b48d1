"""Saved runs that somebody has tampered with: each loads to a run that extends as it should, or is refused.

``SIMSOFTMAX_HOSTILE=20000`` tries that many files instead of some hundreds.
"""

import copy
import dataclasses
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import simsoftmax as ss
from simsoftmax.files import read_npz
from simsoftmax.trajectory import _check

HOSTILE = int(os.environ.get("SIMSOFTMAX_HOSTILE", "600"))
Z = [2.0, 1.0, 0.1, -np.inf, 0.5]
MATRIX = 0.5 * np.eye(5) + 0.1


def runs():
    """Return one run of each kind."""
    options = {"particles": 40, "sweeps": 6, "rng": 1}
    return [
        ss.simulate(Z, 0.7, engine="particles", record=2, **options),
        ss.simulate(Z[:3], 0.7, engine="particles", **options),
        ss.simulate(Z, 0.7, engine="occupations", record=3, **options),
        ss.simulate(Z, 0.7, engine="particles", proposal=MATRIX, start="uniform", **options),
        ss.simulate(Z, 0.7, engine="occupations", proposal=MATRIX, **options),
        ss.simulate(Z, 0.7, engine="occupations", proposal="neighbour", record=1, **options),
        ss.simulate(np.zeros(300), 0.7, engine="particles", proposal="neighbour", start="uniform", **options),
    ]


def parts(run, path):
    """Return the header and the arrays of a saved run."""
    run.save(path)
    arrays = {name: array.copy() for name, array in read_npz(path, what="a run").items()}
    return json.loads(str(arrays.pop("header"))), arrays


def test_a_saved_run_says_its_seed_and_its_version(tmp_path):
    for rng, seed in ((7, 7), (np.int64(8), 8), (3**200, 3**200), (None, None), (np.random.default_rng(7), None)):
        run = ss.simulate(Z, 0.7, particles=40, sweeps=6, rng=rng)
        header, _ = parts(run, tmp_path / "run.npz")
        assert header["version"] == ss.__version__
        assert run.seed == seed
        assert ss.Trajectory.load(tmp_path / "run.npz").extend(2).seed == seed
    with pytest.raises(ValueError, match="seed"):
        dataclasses.replace(run, seed=-1)


STRANGE = [-1, 0, 1, 2, 3, 7, 2**31, 2**53, 2**63 - 1, 10**400, -0.0, 0.5, 1e308, np.nan, np.inf, -np.inf, True, None,
           "", "matrix", "uniform", "neighbour", "particles", "occupations", [], [1], {}, "9" * 5000, "5"]  # fmt: skip


def tampered_array(array, rng):
    """Return an array that is not quite the one given."""
    if array.dtype == object:
        return np.zeros(3)
    new = array.copy()
    kind = rng.integers(9)
    if kind == 0:
        return np.zeros_like(new)
    if kind == 1:
        return new.astype(rng.choice(["f4", "f8", "i8", "u8", "u1", "u2", "i4", "c16", ">i8", ">f8", "?"]))
    if kind == 2:
        return new[..., :-1] if new.ndim else new
    if kind == 3:
        return np.concatenate([new, new]) if new.ndim else new
    if kind == 4:
        return np.zeros(tuple(rng.integers(0, 3, rng.integers(0, 4))), new.dtype)
    if kind == 5:
        return np.asfortranarray(new)
    if kind == 6:
        return rng.permutation(new.ravel()).reshape(new.shape)
    if kind == 7:
        return np.array(["x", None], object) if rng.random() < 0.2 else new[None]
    if new.size:
        value = STRANGE[rng.integers(17)]
        with np.errstate(all="ignore"):
            try:
                new.flat[rng.integers(new.size)] = value
            except (OverflowError, ValueError, TypeError):
                new.flat[rng.integers(new.size)] = 0
    return new


def tampered(header, arrays, rng):
    """Return the bytes of a file in which something has been changed."""
    header, arrays = dict(header), dict(arrays)
    whole = rng.integers(4)
    for _ in range(rng.integers(1, 3) if whole < 3 else 0):
        if rng.random() < 0.5:
            name = rng.choice(list(arrays))
            change = rng.random()
            if change < 0.8:
                arrays[name] = tampered_array(arrays[name], rng)
            elif change < 0.9 and len(arrays) > 1:
                arrays[rng.choice([*arrays, "states", "proposal", "more"])] = arrays.pop(name)
            elif len(arrays) > 1:
                del arrays[name]
        else:
            name = rng.choice(list(header))
            if rng.random() < 0.1:
                del header[name]
                header.setdefault("engine", "particles")
            else:
                header[name] = STRANGE[rng.integers(len(STRANGE))]
    members = {"header": np.array(json.dumps(header)), **arrays}
    file = io.BytesIO()
    compression = rng.choice([zipfile.ZIP_STORED] * 12 + [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, array in members.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=True)
            content = bytearray(member.getvalue())
            if whole == 3 and rng.random() < 0.2:  # a header that only the parser of arrays can find wrong
                at = int(rng.integers(min(128, len(content))))
                content[at] = int(rng.choice([*b"0123456789-()[]{},:'<>|OVUSfiub \n\0", int(rng.integers(256))]))
            archive.writestr(f"{name}.npy", bytes(content))
    content = bytearray(file.getvalue())
    if whole == 2:
        cut = rng.random()
        if cut < 0.2:
            content = content[: rng.integers(1, len(content))]
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(len(content))) if rng.random() < 0.5 else -int(rng.integers(1, 300))
            content[max(at, -len(content))] = int(rng.integers(256))
    return bytes(content)


@pytest.mark.filterwarnings("ignore")  # of the tampering
def test_a_tampered_run_extends_as_it_should_or_is_refused(tmp_path, rng):
    path = tmp_path / "run.npz"
    kinds = [(run, *parts(run, path)) for run in runs()]
    loaded, refusals = 0, set()
    for _ in range(HOSTILE):
        run, header, arrays = kinds[rng.integers(len(kinds))]
        path.write_bytes(tampered(header, arrays, rng))
        try:
            found = ss.Trajectory.load(path)
        except ValueError as error:
            refusals.add("path must name a saved trajectory" in str(error))
            continue
        loaded += 1
        if found.sweeps > 2**53 - 3:
            continue  # as long as a run can be
        more = found.extend(3)
        _check(more)
        assert more.sweeps == found.sweeps + 3
        assert more.particles == found.particles == run.particles
    assert 0 < loaded < HOSTILE / 2
    assert refusals == {True}


def zeros(array):
    return np.zeros_like(array)


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (0, {"_streams": lambda s: np.zeros((1, 1), np.uint64)}, "streams must be an array of uint64"),
        (0, {"_streams": zeros}, "no generator of zeros"),
        (3, {"_streams": lambda s: s[:, :, :4].copy()}, "streams must be an array"),
        (4, {"_streams": zeros}, "no generator of zeros"),
        (3, {"proposal": lambda m: m[:4, :4]}, "proposal must be an array of float64 of shape"),
        (3, {"proposal": lambda m: m * 0.9}, "proposal must have rows that sum to 1"),
        (3, {"proposal": lambda m: m * np.nan}, "proposal must hold probabilities"),
        (0, {"states": lambda s: s + np.uint8(200)}, "states must agree .* levels from 0 to 4"),
        (0, {"states": lambda s: s[:-1]}, "states must be an array"),
        (0, {"states": zeros, "start": zeros}, "start must agree .* 1 to 2"),
        (0, {"states": zeros}, "states must agree .* as many in each level as counts"),
        (0, {"states": lambda s: s.astype(np.uint16)}, "states must be an array of uint8"),
        (2, {"states": lambda s: np.zeros(40, np.uint8)}, "states must agree .* None"),
        (0, {"logits": lambda z: z[:-1]}, "counts must be an array"),
        (0, {"logits": lambda z: z * np.nan}, "logits must be finite or -inf"),
        (0, {"counts": lambda c: -c}, "counts must agree"),
        (0, {"counts": lambda c: c * 2}, "start must agree .* as many particles as counts"),
        (0, {"record": -1}, "record must be from 0"),
        (0, {"record": 1}, "energy must be an array"),
        (0, {"sweeps": 7.5}, "sweeps must be a whole number"),
        (0, {"sweeps": 0}, "moved must be from 0 to 0"),
        (0, {"moved": -1}, "moved must be from 0 to 240"),
        (0, {"moved": 241}, "moved must be from 0 to 240"),
        (0, {"temperature": -1.0}, "temperature must be >= 0"),
        (0, {"temperature": np.nan}, "temperature must be >= 0"),
        (0, {"energy": lambda e: e + 1e-3}, "energy must agree"),
        (0, {"occupancies": lambda o: o[:, ::-1].copy()}, "occupancies must agree"),
        (0, {"occupancies": lambda o: o * 0.5}, "occupancies must agree"),
        (0, {"engine": "steam"}, "engine must agree"),
        (0, {"engine": "occupations"}, "states must agree"),
        (0, {"annealed": 1}, "annealed must agree"),
    ],
)
def test_parts_that_do_not_agree_are_refused_at_every_door(kind, change, says, tmp_path):
    run = runs()[kind]
    fields = {f.name: getattr(run, f.name) for f in dataclasses.fields(run)}
    wrong = {name: value(fields[name]) if callable(value) else value for name, value in change.items()}
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(run, **wrong)
    with pytest.raises(ValueError, match=says):
        ss.Trajectory(**(fields | wrong))
    changed = copy.copy(run)
    for name, value in wrong.items():
        object.__setattr__(changed, name, value)
    with pytest.raises(ValueError, match=says):
        changed.extend(1)
    with pytest.raises(ValueError, match=says):
        pickle.loads(pickle.dumps(changed))
    with pytest.raises(ValueError, match=says):
        copy.deepcopy(changed)
    try:
        changed.save(tmp_path / "run.npz")
    except TypeError:
        return  # not even JSON
    with pytest.raises(ValueError, match="path must name a saved trajectory"):
        ss.Trajectory.load(tmp_path / "run.npz")


@pytest.mark.parametrize("kind", range(7))
def test_a_run_comes_back_equal_from_every_door(kind, tmp_path):
    run = runs()[kind]
    run.save(tmp_path / "run.npz")
    for again in (
        ss.Trajectory.load(tmp_path / "run.npz"),
        pickle.loads(pickle.dumps(run)),
        copy.copy(run),
        copy.deepcopy(run),
        dataclasses.replace(run),
    ):
        assert again == run
        assert hash(again) == hash(run)
        assert again.extend(4) == run.extend(4)
        assert again != run.extend(4)


def test_the_states_of_a_caller_stay_his_and_ours_stay_ours():
    run = runs()[0]
    states = run.states.copy()
    own = dataclasses.replace(run, states=states)
    states[:] = 200  # would be read and written elsewhere in memory
    assert own == run
    assert states.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        run.states[0] = 200


def test_an_archive_is_never_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, header=np.zeros(10**8, np.uint8))
    assert path.stat().st_size < 200_000
    with pytest.raises(ValueError, match="compressed"):
        read_npz(path, what="a run")
    content = bytearray(zip_of({"a": np.zeros(10)}))
    at = content.rindex(b"PK\x01\x02")
    content[at + 20 : at + 28] = (2**31).to_bytes(4, "little") * 2  # sizes in the directory
    path.write_bytes(content)
    with pytest.raises(ValueError, match="path must name a run"):
        read_npz(path, what="a run")


def zip_of(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_what_numpy_writes_is_read(tmp_path, rng):
    for dtype in ("f4", "f8", "i8", "u1", "?", "c16", "U5", ">f8"):
        for shape in ((), (0,), (3,), (2, 3), (2, 0, 4), (1, 2, 3, 4)):
            array = (100 * rng.random(shape)).astype(dtype)
            for one in (array, np.asfortranarray(array)):
                (tmp_path / "x.npz").write_bytes(zip_of({"one": one, "two": np.arange(3)}))
                found = read_npz(tmp_path / "x.npz", what="arrays")
                assert list(found) == ["one", "two"]
                assert found["one"].dtype == one.dtype
                assert found["one"].shape == one.shape
                assert (found["one"] == one).all()
    with pytest.raises(OSError, match="No such file"):
        read_npz(tmp_path / "none.npz", what="arrays")
