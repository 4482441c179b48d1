"""Grids of runs: streams by coordinates, whoever does the work; nothing that is done is lost; one verdict for all."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from patience import PATIENCE

import simsoftmax as ss
from simsoftmax.annealing import geometric_cooling
from simsoftmax.sweeps import grid, run, store, stream, variables, work

xr = pytest.importorskip("xarray", reason="needs the extra `sweeps`")

Z = [2.0, 1.0, 0.1]
GRID = {"temperature": [0.5, 1.7, 2.0], "replica": range(4)}
SMALL = {"logits": Z, "particles": 40, "sweeps": 3}


def swept(grid=GRID, *, rng=5, **options):
    return ss.sweep(ss.simulate, grid, rng=rng, **(SMALL | options))


def draw(temperature, rng, scale=1.0):
    """Return one number that tells temperature and stream."""
    return scale * temperature + rng.random()


def slow(replica, rng, seconds=0.05):
    time.sleep(seconds)
    return rng.random()


def sometimes(temperature, rng):
    if temperature == 1.7:
        raise ZeroDivisionError("too warm")
    return rng.random()


def fatal(temperature, rng):
    if temperature == 1.7:
        os._exit(3)
    return rng.random()


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_a_dataset_is_labelled_with_what_varied():
    found = swept(record=1)
    assert found.counts.dims == ("temperature", "replica", "level")
    assert found.counts.dtype == np.int64
    assert found.temperature.values.tolist() == [0.5, 1.7, 2.0]
    assert found.temperature.attrs["units"] == found.energy.attrs["units"] == "logits"
    assert found.occupancies.dims == ("temperature", "replica", "sweep", "level")
    assert found.sweep.values.tolist() == [1, 2, 3]
    assert found.scores.dims == ("level",)
    assert found.scores.values.tolist() == Z
    assert (found.last_temperature == found.temperature).all()
    assert found.attrs["function"] == "simsoftmax.metropolis.simulate"
    assert (found.attrs["seed"], found.attrs["simsoftmax_version"]) == (5, ss.__version__)
    assert json.loads(found.attrs["options"])["particles"] == 40
    tidy = found.counts.to_dataframe().reset_index()
    assert list(tidy.columns) == ["temperature", "replica", "level", "counts"]
    assert tidy["counts"].sum() == 12 * 40


def test_systems_of_several_sizes_stand_side_by_side():
    systems = {"three": Z, "two": [1.0, 0.0]}
    found = ss.sweep(ss.simulate, {"logits": systems, "temperature": [0.5, 2.0]}, particles=20, sweeps=2, rng=1)
    assert found.logits.values.tolist() == ["three", "two"]
    assert found.counts.sum("level").values.tolist() == [[20, 20], [20, 20]]
    assert np.isnan(found.counts.sel(logits="two", level=2)).all()
    assert found.scores.dims == ("logits", "level")
    assert ss.verify_sweep(found.isel(temperature=1)).cells == 2


def test_gases_and_annealing_and_verdicts_become_variables():
    gases = ss.sweep(ss.simulate_gas, {"mean_quanta": [1.0, 2.0]}, particles=20, record=2, sweeps=4, gases=3, rng=1)
    assert gases.occupancies.dims == ("mean_quanta", "sweep", "level")
    assert gases.tagged_counts.sum("level").values.tolist() == [3, 3]
    assert gases.gas_temperature.values == pytest.approx([1 / np.log(2), 1 / np.log(1.5)])
    coolings = {"slow": geometric_cooling(2.0, 0.1, 30), "quench": [0.1] * 3}
    cooled = ss.sweep(ss.anneal, {"schedule": coolings, "replica": range(2)}, logits=Z, particles=30, rng=1)
    assert (cooled.success_low <= cooled.success).all()
    assert (cooled.counts.sel(level=0) == 30 * cooled.success).all()
    judged = ss.sweep(lambda temperature: ss.verify([5, 2, 1], Z, temperature), {"temperature": [0.5, 2.0]})
    assert judged.p_value.sel(temperature=2.0) == ss.verify([5, 2, 1], Z, 2.0).p_value
    assert judged.passed.dtype == bool
    assert judged.temperature.values.tolist() == [0.5, 2.0]  # the verdict tells it too, which is no contradiction


def test_numbers_arrays_and_dicts_become_variables():
    given = {1.0: {"a": 1, "b": [[1, 2], [3, 4]], "c": "word"}, 2.0: {"a": 2, "b": [[5, 6, 7]], "c": "longer"}}
    found = ss.sweep(lambda temperature: given[temperature], {"temperature": [1.0, 2.0]})
    assert found.a.values.tolist() == [1, 2]
    assert found.b.dims == ("temperature", "b_0", "b_1")
    np.testing.assert_array_equal(found.b.sel(temperature=2.0), [[5, 6, 7], [np.nan] * 3])
    np.testing.assert_array_equal(found.b.sel(temperature=1.0), [[1, 2, np.nan], [3, 4, np.nan]])
    assert found.c.values.tolist() == ["word", "longer"]
    assert ss.sweep(lambda temperature: 2 * temperature, {"temperature": [1.0, 2.0]}).value.values.tolist() == [2, 4]


def test_a_file_and_back(tmp_path):
    pytest.importorskip("h5netcdf", reason="netCDF needs a library of its own")
    found = swept(record=1)
    found.to_netcdf(tmp_path / "found.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "found.nc", engine="h5netcdf") as again:
        xr.testing.assert_identical(again.load(), found)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_follows_coordinates_and_never_position():
    found = swept()
    longer = swept({"replica": range(6), "temperature": np.array([2.0, 0.1, 1.7, 0.5])})
    for t in GRID["temperature"]:
        for r in GRID["replica"]:
            one = found.counts.sel(temperature=t, replica=r)
            assert (longer.counts.sel(temperature=t, replica=r) == one).all()
            source = stream(5, {"replica": r, "temperature": t})
            assert (ss.simulate(Z, t, particles=40, sweeps=3, rng=source).counts == one.values).all()
    alone = swept({"temperature": [1.7], "replica": [2]})
    assert (alone.counts[0, 0] == found.counts.sel(temperature=1.7, replica=2)).all()
    assert not found.counts.equals(swept(rng=6).counts)


def test_no_two_cells_share_a_stream():
    found = ss.sweep(draw, {"temperature": [0.0, -0.5, 1, 1.5], "replica": range(50), "word": ["a", "b"]}, scale=0.0)
    assert len(np.unique(found.value)) == found.value.size
    ahead = [stream(1, place).random() for place in ({"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": "1", "b": 2}, {"a": 12})]
    ahead += [stream(1, place).random() for place in ({"a": True, "b": 2}, {"a": 1.0000000000000002, "b": 2})]
    assert len(set(ahead)) == len(ahead)
    assert stream(1, {"a": 1, "b": 2}).random() == stream(np.int8(1), {"b": np.float32(2), "a": 1.0}).random()


def test_a_stream_is_what_it_was():
    """Whoever changes this number breaks the seeds of everybody's sweeps."""
    assert stream(7, {"temperature": 0.5, "replica": 2}).integers(2**63) == FIRST_DRAW


FIRST_DRAW = 7768015637186542653


def test_a_generator_or_nothing_gives_a_seed_that_gives_it_again():
    for rng in (np.random.default_rng(3), None):
        found = swept(rng=rng)
        assert swept(rng=found.attrs["seed"]).identical(found)
    assert swept(rng=2**100).attrs["seed"] == str(2**100)


def test_seeds_that_nobody_chose_differ():
    assert swept(rng=None).attrs["seed"] != swept(rng=None).attrs["seed"]


# --- whoever does the work --------------------------------------------------------------------------------------------


def test_threads_give_the_same():
    with ThreadPoolExecutor(3) as pool:
        assert swept(executor=pool).identical(swept())


@pytest.mark.process
def test_processes_give_the_same():
    with ProcessPoolExecutor(2) as pool:
        assert swept(executor=pool, record=1).identical(swept(record=1))


def test_workers_use_one_thread_each(monkeypatch):
    seen = []

    def watched(logits, temperature, threads=None, rng=None):
        seen.append(threads)
        return 0

    with ThreadPoolExecutor(1) as pool:
        ss.sweep(watched, {"temperature": [1.5]}, logits=Z, executor=pool)
        ss.sweep(watched, {"temperature": [1.5]}, logits=Z, executor=pool, threads=3)
    ss.sweep(watched, {"temperature": [1.5]}, logits=Z)
    assert seen == [1, 3, None]


class Counting(Executor):
    """Carries out at once and counts what it was handed."""

    def __init__(self):
        self.batches = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.batches.append(len(args[0]))
        future.set_result(fn(*args, **kwargs))
        return future


def test_small_cells_travel_together_and_long_ones_alone():
    pool = Counting()
    ss.sweep(draw, {"temperature": [1.5], "replica": range(3000)}, executor=pool)
    assert sum(pool.batches) == 3000
    assert len(pool.batches) < 300
    pool = Counting()
    ss.sweep(slow, {"replica": range(4)}, executor=pool, seconds=0.3)
    assert pool.batches == [1, 1, 1, 1]


def test_a_batch_that_takes_long_goes_back_with_what_it_has(monkeypatch):
    monkeypatch.setattr(work, "_LONGEST", 0.0)
    pool = Counting()
    found = ss.sweep(draw, {"temperature": [1.5], "replica": range(40)}, executor=pool, rng=2)
    assert max(pool.batches) > 1
    assert found.identical(ss.sweep(draw, {"temperature": [1.5], "replica": range(40)}, rng=2))


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_cell_that_raises_is_named_and_the_rest_goes_on():
    with pytest.warns(
        UserWarning, match=r"4 of 12 cells raised, the first at temperature = 1\.7, replica = 0: ZeroDiv"
    ):
        found = ss.sweep(sometimes, GRID, rng=1)
    assert np.isnan(found.value.sel(temperature=1.7)).all()
    assert np.isfinite(found.value.sel(temperature=[0.5, 2.0])).all()
    assert set(found.fault.sel(temperature=1.7).values) == {"ZeroDivisionError: too warm"}
    assert set(found.fault.sel(temperature=0.5).values) == {""}
    with pytest.raises(
        RuntimeError, match=r"all of 1 cell raised; the first, at temperature = 1\.7: ZeroDivisionError"
    ):
        ss.sweep(sometimes, {"temperature": [1.7]}, rng=1)


def test_whole_numbers_with_a_gap_are_floats():
    with pytest.warns(UserWarning, match="1 of 2 cells raised"):
        found = ss.sweep(ss.simulate, {"temperature": [0.5, -1.0]}, **SMALL, rng=1)
    assert found.counts.dtype == np.float64
    assert np.isnan(found.counts.sel(temperature=-1.0)).all()


def test_what_a_function_may_not_return():
    for wrong, said in [
        (lambda temperature: None, "got NoneType as 'value'"),
        (lambda temperature: {"a": object()}, "got object as 'a'"),
        (lambda temperature: [[1], [1, 2]], "got list as 'value'"),
        (lambda temperature: {"temperature": 3}, "must not return 'temperature'"),
        (lambda temperature: {"temperature": [temperature]}, "must not return 'temperature'"),
        (lambda temperature: {"fault": 3}, "must not return 'fault'"),
    ]:
        with pytest.raises(RuntimeError, match=said):
            ss.sweep(wrong, {"temperature": [0.5]})
    with pytest.warns(UserWarning, match="with as many dimensions in every cell, got 1 here and 0"):
        ss.sweep(lambda temperature: 1 if temperature < 1 else [1], {"temperature": [0.5, 2.0]})


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:cut short")
def test_a_worker_that_dies_loses_nothing_that_is_done(tmp_path):
    places = {"temperature": [0.5, 2.0, 1.7, 3.0]}
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.warns(UserWarning, match=r"gave up \(BrokenProcessPool.*same call again"),
    ):
        found = ss.sweep(fatal, places, rng=1, executor=pool, path=tmp_path)
    assert "not run" in found.fault.values
    done = found.value.notnull()
    assert done.sel(temperature=0.5)
    with ProcessPoolExecutor(1) as pool:
        again = ss.sweep(fatal, {"temperature": [0.5, 2.0, 3.0]}, rng=1, executor=pool, path=tmp_path)
    assert (again.value.sel(temperature=0.5) == found.value.sel(temperature=0.5)).all()


def test_an_executor_that_is_closed_is_said_so():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="no cell was done, for the executor gave up: RuntimeError: cannot schedule"):
        swept(executor=pool)


@pytest.mark.process
def test_a_function_that_cannot_travel_is_said_so():
    with ProcessPoolExecutor(1) as pool, pytest.raises(RuntimeError, match=r"all of 2 cells raised.*[Pp]ickl"):
        ss.sweep(lambda temperature: temperature, {"temperature": [0.5, 2.0]}, executor=pool)


WRONG = [
    ({"function": 3}, TypeError, "function must be a function, got 3"),
    ({"function": np.random.default_rng(1).random}, TypeError, "logits is no argument"),
    ({"grid": [0.5]}, TypeError, "grid must map names to values, got list"),
    ({"grid": {"temperature": 0.5}}, TypeError, r"grid\['temperature'\] must hold several values, got 0.5"),
    ({"grid": {"engine": "auto"}}, TypeError, r"grid\['engine'\] must hold several values, got 'auto'"),
    ({"grid": {"temperature": []}}, ValueError, r"grid\['temperature'\] must hold at least one value"),
    ({"grid": {"temperature": [1.5, np.nan]}}, TypeError, "must hold numbers, or words, to label a dimension, got nan"),
    ({"grid": {"temperature": [1.5, None]}}, TypeError, "got None; give each value a name"),
    ({"grid": {"temperature": [1, "a"]}}, TypeError, "got 'numbers and words together'"),
    ({"grid": {"proposal": [np.eye(3)]}}, TypeError, "to label a dimension, got array"),
    ({"grid": {"temperature": [1, 2, 1.0]}}, ValueError, r"each value once, got 1\.0 twice.*replica"),
    ({"grid": {"two words": [1]}}, ValueError, "grid must have names such as 'temperature', got 'two words'"),
    ({"grid": {3: [1]}}, ValueError, "grid must have names such as 'temperature', got 3"),
    ({"grid": {"temprature": [1.5]}}, ValueError, "got 'temprature'; did you mean 'temperature'"),
    ({"grid": {"rng": [1]}}, ValueError, "grid must not hold .rng., for"),
    ({"grid": {"particles": [4]}}, ValueError, "particles must stand in the grid or beside it, got both"),
    ({"function": lambda logits, particles, sweeps: 1, "grid": {"replica": range(2)}}, ValueError, "would be the same"),
    ({"colour": "red"}, TypeError, "colour is no argument of simulate"),
    ({"rng": -1}, ValueError, "rng must be a seed >= 0"),
    ({"rng": True}, TypeError, "rng must be a seed"),
    ({"executor": 4}, TypeError, "executor must be a concurrent.futures.Executor or a dask.distributed.Client, got 4"),
    ({"executor": ThreadPoolExecutor}, TypeError, "pass one that is open"),
    ({"path": 3}, TypeError, "path must be the path of a file, got 3"),
    ({"path": __file__}, ValueError, "path must be a folder, which will keep a file a cell, got the file"),
    ({"path": "nowhere", "rng": None}, ValueError, "rng must be a seed where path keeps cells"),
]


@pytest.mark.parametrize(("wrong", "kind", "said"), WRONG, ids=[said[:40] for *_, said in WRONG])
def test_what_is_refused_is_refused_before_any_work(wrong, kind, said, monkeypatch):
    monkeypatch.setattr(run, "carry_out", lambda *_: pytest.fail("work was done"))
    call = {"function": ss.simulate, "grid": {"temperature": [0.5]}, "rng": 1} | SMALL | wrong
    with pytest.raises(kind, match=said):
        ss.sweep(**call)


def test_an_argument_that_is_lacking_is_named():
    with pytest.raises(TypeError, match="logits must be given, for simulate needs it"):
        ss.sweep(ss.simulate, {"temperature": [0.5]})
    with pytest.raises(TypeError, match="coordinates must be numbers or words"):
        stream(1, {"a": [1]})
    with pytest.raises(ValueError, match="rng must be"):
        stream(-1, {"a": 1})


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'simsoftmax\[sweeps\]'"):
        swept()


# --- finished cells on disk -------------------------------------------------------------------------------------------


class Log:
    """What was called: no part of a function's fingerprint, as lists are that it uses."""

    calls = ()


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr(Log, "calls", [])
    return Log.calls


def counted(temperature, rng, scale=1.0):
    Log.calls.append(temperature)
    return scale * rng.random()


def pressed(replica, rng):
    Log.calls.append(replica)
    if len(Log.calls) == 2:
        signal.raise_signal(signal.SIGINT)
    return rng.random()


def test_finished_cells_are_read_and_nothing_else(tmp_path, calls):
    first = ss.sweep(counted, GRID, rng=1, path=tmp_path / "kept")
    assert len(calls) == len(list((tmp_path / "kept").iterdir())) == 12
    assert ss.sweep(counted, GRID, rng=1, path=tmp_path / "kept").identical(first)
    assert len(calls) == 12
    longer = ss.sweep(counted, {"temperature": [0.5, 9.0], "replica": range(4)}, rng=1, path=tmp_path / "kept")
    assert calls[12:] == [9.0] * 4
    assert (longer.value.sel(temperature=0.5) == first.value.sel(temperature=0.5)).all()
    ss.sweep(counted, {"temperature": [0.5]}, rng=1, path=tmp_path / "kept")  # another grid: without "replica"
    ss.sweep(counted, GRID, rng=2, path=tmp_path / "kept")
    ss.sweep(counted, GRID, rng=1, path=tmp_path / "kept", scale=2.0)
    assert len(calls) == 12 + 4 + 1 + 12 + 12


def test_every_kind_of_result_survives_the_disk(tmp_path):
    for call in (
        lambda **o: swept(record=1, **o),
        lambda **o: ss.sweep(ss.simulate_gas, {"mean_quanta": [1.0, 2.0]}, particles=20, sweeps=3, rng=1, **o),
        lambda **o: ss.sweep(ss.anneal, {"schedule": {"a": [2.0, 1.0]}}, logits=Z, particles=9, rng=1, **o),
    ):
        fresh = call()
        assert call(path=tmp_path).identical(fresh)
        assert call(path=tmp_path).identical(fresh)


def test_a_damaged_file_is_made_again(tmp_path):
    fresh = swept(path=tmp_path)
    files = sorted(tmp_path.iterdir())
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:-100])
    files[2].write_bytes(files[3].read_bytes()[:200] + b"?" * 9000)
    assert swept(path=tmp_path).identical(fresh)
    assert files[0].stat().st_size > 100


def test_a_value_behind_a_label_is_part_of_the_key(tmp_path):
    one = ss.sweep(ss.simulate, {"logits": {"a": Z}}, particles=40, sweeps=3, rng=1, path=tmp_path)
    two = ss.sweep(ss.simulate, {"logits": {"a": [0.0, 1.0, 2.0]}}, particles=40, sweeps=3, rng=1, path=tmp_path)
    assert not one.scores.equals(two.scores)


def test_a_version_is_part_of_the_key(tmp_path, monkeypatch):
    swept(path=tmp_path)
    monkeypatch.setattr(ss, "__version__", "0.0.0")
    swept(path=tmp_path)
    assert len(list(tmp_path.iterdir())) == 24


FACTOR = 3
LISTED = {"a": [1]}


def helper(x):
    return x + 1


def uses(x):
    return FACTOR * helper(x) + LISTED["a"][0]


def test_a_fingerprint_tells_values_apart(monkeypatch):
    def made(n):
        return lambda x: x + n

    values = [
        None, 0, False, 0.0, "", b"", (), [], {}, [0], [[0]], (0,), "0", 1j, np.zeros(1), np.zeros(1, int),
        np.zeros((1, 1)), {"a": 1}, {"a": 2}, {"b": 1}, {1, 2},
        made(1), made(2), lambda x: x - 1, lambda x, y=1: x, lambda x, y=2: x,
        ss.simulate, ss.anneal, np, np.exp, range(3), geometric_cooling, ss.TopK(3), ss.TopK(4), [1, [2, 3]], [1, 2, 3],
        work.Task(ss.simulate, {}, 1, True), test_a_fingerprint_tells_values_apart,
    ]  # fmt: skip
    prints = [store.fingerprint(value) for value in values]
    assert len(set(prints)) == len(values)
    assert prints == [store.fingerprint(value) for value in values]
    assert store.fingerprint({"a": 1, "b": 2}) == store.fingerprint({"b": 2, "a": 1})
    before = store.fingerprint(uses)
    monkeypatch.setitem(globals(), "FACTOR", 4)
    assert store.fingerprint(uses) != before
    monkeypatch.undo()
    monkeypatch.setitem(LISTED, "a", [2])
    assert store.fingerprint(uses) != before
    monkeypatch.undo()
    monkeypatch.setitem(globals(), "helper", lambda x: x + 2)
    assert store.fingerprint(uses) != before
    with pytest.raises(TypeError, match="a generator that cannot be pickled"):
        store.fingerprint(x for x in ())


def of_the_package():
    return store.fingerprint([ss.simulate, ss.anneal, ss.simulate_gas, {"a", "b", "c"}]).hex()


@pytest.mark.process
def test_a_fingerprint_is_the_same_in_every_process():
    """Sets have another order in each process, unless somebody takes care."""
    code = "import test_sweeps\nprint(test_sweeps.of_the_package())"
    places = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    told = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": places}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=told)
    assert done.stdout.strip() == of_the_package()


SCRIPT = """
import sys, time
import simsoftmax as ss

def slow(replica, rng):
    print(replica, flush=True)
    time.sleep(0.05)
    return rng.random()

found = ss.sweep(slow, {"replica": range(30)}, rng=4, path=sys.argv[1])
print("done", found.value.values.tobytes().hex())
"""


@pytest.mark.process
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_it_goes_on_after_kill_9(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "kept")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.strip() == "12":
                process.send_signal(signal.SIGKILL)
                break
    kept = len(list((tmp_path / "kept").glob("[!.]*.npz")))
    assert 3 <= kept <= 12
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    *began, last = done.stdout.split("\n")[:-1]
    assert len(began) == 30 - kept
    whole = np.array([stream(4, {"replica": replica}).random() for replica in range(30)])
    assert last == f"done {whole.tobytes().hex()}"


@pytest.fixture
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
def test_ctrl_c_keeps_what_is_done(tmp_path, calls):
    with pytest.warns(UserWarning, match=r"cut short, Ctrl-C: \d of 9 cells are done; the same call again goes on"):
        found = ss.sweep(pressed, {"replica": range(9)}, rng=1, path=tmp_path)
    done = int(found.value.notnull().sum())
    assert 2 <= done == len(calls) < 9
    whole = ss.sweep(pressed, {"replica": range(9)}, rng=1, path=tmp_path)
    assert len(calls) == 9
    assert (whole.value[:done] == found.value[:done]).all()
    assert "fault" not in whole


@pytest.mark.usefixtures("default_handler")
def test_a_run_that_was_cut_short_is_no_result():
    def cut(temperature):
        class Run:
            interrupted = True

        return Run()

    with pytest.raises(KeyboardInterrupt):
        ss.sweep(cut, {"temperature": [0.5]})


def test_progress_counts_cells(capsys, tmp_path):
    swept(progress=True, path=tmp_path)
    assert "12/12" in capsys.readouterr().err
    swept(progress=True, path=tmp_path)
    assert "12/12" in capsys.readouterr().err


# --- one verdict ------------------------------------------------------------------------------------------------------


def family(rng, cells=50, factor=1.0, particles=400, broken=()):
    """Return a dataset of exact draws, at a wrong temperature where asked."""
    temperatures = np.linspace(0.5, 2.0, cells)
    p = ss.softmax(Z, temperatures * factor)
    counts = rng.multinomial(particles, p)
    for cell in broken:
        counts[cell] = rng.multinomial(particles, p[cell][::-1])
    where = {"temperature": temperatures}
    data = {
        "counts": (("temperature", "level"), counts),
        "scores": ("level", Z),
        "last_temperature": ("temperature", temperatures),
    }
    return xr.Dataset(data, where)


def repeats(rng, cells=6, factor=1.0, particles=300):
    """Return a dataset of repeats of one system."""
    counts = rng.multinomial(particles, ss.softmax(Z, 0.7 * factor), size=cells)
    data = {"counts": (("replica", "level"), counts), "scores": ("level", Z), "last_temperature": ((), 0.7)}
    return xr.Dataset(data, {"replica": range(cells)})


def test_one_bad_cell_is_found_and_named(rng):
    verdict = ss.verify_sweep(family(rng, broken=[17]))
    assert not verdict
    assert verdict.worst == (("temperature", pytest.approx(np.linspace(0.5, 2.0, 50)[17])),)
    assert not verdict.verdict
    assert "the worst is temperature = 1.02" in str(verdict)


def test_a_small_error_that_all_share_is_found(rng):
    found = family(rng, cells=100, factor=1.06)
    verdict = ss.verify_sweep(found)
    assert verdict.verdict  # no cell fails alone
    assert verdict.worst_p_value > 1e-3
    assert not verdict
    assert "100 cells together are hotter than stated" in str(verdict)
    assert "together are colder" in str(ss.verify_sweep(family(rng, cells=100, factor=0.94)))


def test_an_error_of_the_size_that_is_stated_is_caught(rng, alarm):
    """With a power of 90 % or more, by the binomial law."""
    from scipy import stats

    options = {"cells": 5, "particles": 3000}
    size = ss.verify_sweep(repeats(rng, **options), power=0.9).detectable_temperature
    assert 0.001 < size < 0.2
    for factor in (1 + size, 1 / (1 + size)):
        caught = sum(not ss.verify_sweep(repeats(rng, factor=factor, **options), power=0.9) for _ in range(40))
        assert stats.binom.cdf(caught, 40, 0.9) > alarm
    caught = sum(not ss.verify_sweep(repeats(rng, factor=1 + size / 4, **options), power=0.9) for _ in range(40))
    assert stats.binom.cdf(caught, 40, 0.9) < 1e-6  # nor is it much finer than it says


def test_false_alarms_are_as_stated(rng, alarm):
    """Of perfect families at most so many fail, by the binomial law; for each of the two tests as well."""
    from scipy import stats

    rate, families = 0.1, 150
    verdicts = [ss.verify_sweep(repeats(rng), false_alarm=rate) for _ in range(families)]
    for failed in (
        sum(not verdict for verdict in verdicts),
        sum(verdict.worst_p_value <= rate for verdict in verdicts),
        sum(verdict.shared_p_value <= rate for verdict in verdicts),
    ):
        assert stats.binom.sf(failed - 1, families, rate) > alarm
        assert failed > 0.02 * families  # and it is not deaf
    for verdict in verdicts:  # the two share the rate
        assert verdict.p_value == min(1.0, 2 * min(verdict.worst_p_value, verdict.shared_p_value))
        assert verdict.passed == (verdict.p_value > rate)


def test_a_perfect_sweep_passes_and_says_so():
    found = ss.sweep(ss.simulate, {"temperature": [0.5, 2.0], "replica": range(3)}, logits=Z, particles=500, rng=3)
    verdict = ss.verify_sweep(found)
    assert verdict
    assert verdict.cells == 6
    assert str(verdict).startswith("Passed: 6 cells follow softmax, each at its own temperature (p = ")
    assert [name for name, _ in verdict.worst] == ["temperature", "replica"]
    single = ss.verify_sweep(found.isel(temperature=[0], replica=[1]))
    assert single.worst_p_value == pytest.approx(ss.verify(found.counts[0, 1], Z, 0.5).p_value)
    assert single.worst == (("temperature", 0.5), ("replica", 1))
    frozen = ss.verify_sweep(
        ss.sweep(ss.simulate, {"temperature": [0.0, np.inf]}, logits=[1.0, 0.0], particles=50, rng=3)
    )
    assert frozen
    assert (frozen.shared_p_value, frozen.shared_score) == (1.0, 0.0)
    assert "off by" not in str(frozen)


def test_cells_without_counts_are_left_out():
    with pytest.warns(UserWarning, match="1 of 3 cells raised"):
        found = ss.sweep(ss.simulate, {"temperature": [0.5, -1.0, 2.0]}, logits=Z, particles=500, rng=3)
    verdict = ss.verify_sweep(found)
    assert (verdict.cells, verdict.left_out) == (2, 1)
    assert "2 cells (1 without counts left out)" in str(verdict)


def test_what_is_no_family_of_runs_is_refused():
    with pytest.raises(TypeError, match="dataset must be what sweep returned, got list"):
        ss.verify_sweep([1, 2])
    with pytest.raises(ValueError, match="got none called counts; sweep over simulate"):
        ss.verify_sweep(ss.sweep(draw, {"temperature": [0.5]}))
    cooled = ss.sweep(ss.anneal, {"schedule": {"a": [2.0, 1.0]}}, logits=Z, particles=9, rng=1)
    with pytest.raises(ValueError, match="got annealed ones"):
        ss.verify_sweep(cooled)
    found = swept({"temperature": [0.5]})
    with pytest.raises(ValueError, match="got none; run the cells"):
        ss.verify_sweep(found.where(found.temperature > 1))
    with pytest.raises(ValueError, match="false_alarm must"):
        ss.verify_sweep(found, false_alarm=2.0)
    with pytest.raises(ValueError, match="power must"):
        ss.verify_sweep(found, power=2.0)


def test_a_table_of_labels_is_joined_by_them():
    axes = grid.as_axes({"a": [1, 2]})
    cells = [
        {
            "x": variables.Variable(("s",), np.array([1, 2]), {}),
            "s": variables.Variable(("s",), np.array([10, 20]), {}),
        },
        {
            "x": variables.Variable(("s",), np.array([3, 4]), {}),
            "s": variables.Variable(("s",), np.array([20, 30]), {}),
        },
    ]
    table = variables.assembled(axes, cells, ["", ""], {})
    assert table.s.values.tolist() == [10, 20, 30]
    np.testing.assert_array_equal(table.x, [[1, 2, np.nan], [np.nan, 3, 4]])
