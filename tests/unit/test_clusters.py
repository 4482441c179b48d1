"""A cluster of dask: the same numbers as one process, whatever happens to its workers."""

import itertools
import os
import signal
import threading
import time

import numpy as np
import pytest
from patience import PATIENCE, until

import simsoftmax as ss
from simsoftmax.sweeps import stream

# Warnings of a cluster about its own workers are no fault of ours.
pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("default")]

Z = [2.0, 1.0, 0.1]
WORKERS = 4
SETTINGS = {"threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}


@pytest.fixture(scope="module")
def distributed():
    """Return the package, which takes a second to load: here, since every process reads all tests."""
    pytest.importorskip("xarray", reason="needs the extra `sweeps`")
    return pytest.importorskip("distributed", reason="needs the extra `dask`")


@pytest.fixture(scope="module")
def cluster(distributed):
    with distributed.LocalCluster(n_workers=WORKERS, **SETTINGS) as made:
        yield made


@pytest.fixture
def client(distributed, cluster):
    with distributed.Client(cluster) as made:
        made.wait_for_workers(WORKERS, timeout=PATIENCE)
        yield made


def noted(folder, replica, rng):
    """Say who is at work, and take a moment."""
    with open(os.path.join(folder, str(replica)), "a") as file:
        file.write(f"{os.getpid()} ")
    time.sleep(0.05)
    return {"value": rng.random(), "draws": rng.random(3)}


def test_a_cluster_gives_what_one_process_gives(client):
    grid = {"temperature": [0.5, 1.7], "replica": range(20)}
    options = {"logits": Z, "particles": 200, "sweeps": 4, "record": 2, "rng": 3}
    assert ss.sweep(ss.simulate, grid, executor=client, **options).identical(ss.sweep(ss.simulate, grid, **options))


def test_a_function_without_a_name_travels_too(client):
    factor = 3.0
    found = ss.sweep(lambda temperature, rng: factor * temperature, {"temperature": [0.5, 1.7]}, executor=client)
    assert found.value.values.tolist() == [1.5, 5.1]


ALIGNED = 0x100


def arrays_of_kernels():
    """Return the kinds of arrays for which this process has machine code: the type, the axes and the flags of each."""
    import gc

    from simsoftmax.kernels.compiler import _Kernel

    def arrays(kind):
        if isinstance(kind, tuple) and kind:
            yield from [kind] if isinstance(kind[0], np.dtype) else itertools.chain(*map(arrays, kind))

    kernels = [found for found in gc.get_objects() if type(found) is _Kernel]
    return [each for kernel in kernels for kind in kernel.variants for each in arrays(kind)]


@pytest.fixture
def pair(distributed):
    """Return a client of two workers, which show what each of more would, and take half as long to start."""
    with distributed.LocalCluster(n_workers=2, **SETTINGS) as cluster, distributed.Client(cluster) as made:
        made.wait_for_workers(2, timeout=PATIENCE)
        yield made


@pytest.mark.slow
def test_calibration_and_the_verdict_on_draws_go_to_the_cluster(pair, rng):
    """And each worker runs the machine code that there is: rows from a network lie anywhere, and are laid straight."""
    array = pytest.importorskip("dask.array")
    logits = 2 * rng.standard_normal((4000, 20))
    labels = ss.sample(logits, 1.7, rng=rng)
    spread = array.from_array(logits, (700, 20))
    here, there = (ss.fit_temperature(z, labels) for z in (logits, spread))
    assert there.temperature == pytest.approx(here.temperature, rel=1e-8)
    here, there = (ss.verify_draws(labels, z, 1.7) for z in (logits, spread))
    assert there.p_value == pytest.approx(here.p_value, rel=1e-9)
    assert not ss.verify_draws(labels, spread, 1.0)
    there = [kind for kinds in pair.run(arrays_of_kernels).values() for kind in kinds]
    assert there
    assert all(flags & ALIGNED for _, _, flags in there)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_worker_that_is_killed_loses_nothing(client, tmp_path):
    """The cluster does its cells again, and they come out as before."""
    replicas = range(40)
    own = {os.getpid(), *client.run(os.getpid).values()}
    killed = []

    def at_work():
        return [int(pid) for path in tmp_path.iterdir() for pid in path.read_text().split()]

    def kill():
        until(lambda: len(at_work()) > 5)
        killed.append(at_work()[0])
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    found = ss.sweep(noted, {"replica": replicas}, rng=4, executor=client, folder=str(tmp_path))
    thread.join()
    assert killed[0] in own
    assert len(own) == WORKERS + 1
    assert len(list(tmp_path.iterdir())) == len(replicas)
    for replica in replicas:
        source = stream(4, {"replica": replica})
        assert found.value.sel(replica=replica) == source.random()
        assert (found.draws.sel(replica=replica) == source.random(3)).all()
