import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
import scipy.stats
from hypothesis import given, settings

import simsoftmax as ss
from simsoftmax import metropolis

Z = [2.0, 1.0, 0.1]


def chi_square(counts, probabilities):
    expected = np.asarray(probabilities) * counts.sum()
    return scipy.stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1)


def same(a, b):
    """Tell whether two trajectories are equal bit for bit."""
    states = a.states is b.states is None or np.array_equal(a.states, b.states)
    arrays = ("logits", "counts", "start", "energy", "occupancies", "_streams")
    scalars = ("temperature", "record", "sweeps", "moved", "engine", "annealed", "interrupted")
    return (
        states
        and all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
        and all(getattr(a, name) == getattr(b, name) for name in scalars)
        and np.array_equal(a.proposal, b.proposal)
    )


@pytest.mark.parametrize("engine", ["particles", "occupations"])
@pytest.mark.parametrize("proposal", ["uniform", "neighbour"])
@pytest.mark.parametrize("start", ["ground", "uniform"])
@pytest.mark.parametrize("t", [0.5, 2.0])
def test_occupancies_reach_softmax(t, start, proposal, engine, rng, alarm):
    run = ss.simulate(Z, t, particles=300_000, start=start, proposal=proposal, engine=engine, rng=rng)
    assert chi_square(run.counts, ss.softmax(Z, t)) > alarm
    assert chi_square(run.counts, ss.softmax(Z, 1.05 * t)) < alarm  # negative control: the temperature 5 % off


def test_the_engines_agree_far_from_equilibrium(rng, alarm):
    for proposal in ("uniform", "neighbour", np.full((3, 3), 1 / 3)):
        options = {"particles": 200_000, "sweeps": 3, "proposal": proposal, "rng": rng}
        table = [ss.simulate(Z, 0.5, engine=e, **options).counts for e in ("particles", "occupations")]
        assert scipy.stats.chi2_contingency(table).pvalue > alarm
    later = ss.simulate(Z, 0.5, engine="occupations", particles=200_000, sweeps=4, proposal="neighbour", rng=rng).counts
    table[0] = ss.simulate(Z, 0.5, particles=200_000, sweeps=3, proposal="neighbour", rng=rng).counts
    assert scipy.stats.chi2_contingency([table[0], later]).pvalue < alarm  # negative control: one sweep more is seen


def test_a_schedule_multiplies_the_transition_matrices(rng, alarm):
    temperatures = [3.0, 1.0, 0.3]
    expected = np.array([0.0, 0.0, 1.0])
    for t in temperatures:
        expected = expected @ ss.transition_matrix(Z, t)
    for engine in ("particles", "occupations"):
        run = ss.simulate(Z, temperatures, sweeps=3, start=[0, 0, 400_000], engine=engine, rng=rng)
        assert (run.sweeps, run.temperature) == (3, 0.3)
        assert chi_square(run.counts, expected) > alarm
        back = ss.simulate(Z, temperatures[::-1], sweeps=3, start=[0, 0, 400_000], engine=engine, rng=rng)
        assert chi_square(back.counts, expected) < alarm  # negative control: the order of the schedule matters


def test_relaxation_follows_the_second_eigenvalue(rng):
    """From the start, the energy's excess shrinks by the eigenvalue of its mode at each sweep: two levels have one."""
    z, t = [0.0, 1.0], 1.5
    decay = ss.relaxation(z, t).eigenvalues[0]
    n = 10**12  # so that the noise, 1e-6, is far below the signal
    run = ss.simulate(z, t, start=[n, 0], sweeps=8, record=1, engine="occupations", rng=rng)
    excess = run.energy - ss.mean_energy(z, t)
    expected = (0 - ss.mean_energy(z, t)) * decay ** np.arange(1, 9)
    np.testing.assert_allclose(excess, expected, atol=10 / np.sqrt(n))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    parts=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    record=st.integers(0, 4),
    engine=st.sampled_from(["particles", "occupations"]),
    proposal=st.sampled_from(["uniform", "neighbour", "matrix"]),
    levels=st.sampled_from([1, 2, 3, 5, 300]),
)
def test_an_extended_run_equals_one_long_run(seed, parts, record, engine, proposal, levels, tmp_path_factory):
    z = np.sin(np.arange(levels))
    rule = np.full((levels, levels), 1 / levels) if proposal == "matrix" else proposal
    options = {"particles": 5000, "record": record, "engine": engine, "proposal": rule, "rng": seed}
    long = ss.simulate(z, 0.7, sweeps=sum(parts), **options)
    path = tmp_path_factory.mktemp("runs") / "run.npz"
    run = ss.simulate(z, 0.7, sweeps=parts[0], threads=1, **options)
    for more in parts[1:]:
        run.save(path)
        run = ss.Trajectory.load(path).extend(more, threads=2)
    assert same(run, long)
    assert not same(run, run.extend(1))
    assert len(long.energy) == (sum(parts) // record if record else 0)


@pytest.mark.parametrize("engine", ["particles", "occupations"])
def test_a_schedule_can_be_extended(engine):
    options = {"particles": 3000, "engine": engine, "rng": 3, "record": 2}
    long = ss.simulate(Z, [3.0, 2.0, 1.0, 0.5, 0.5], sweeps=5, **options)
    part = ss.simulate(Z, [3.0, 2.0], sweeps=2, **options)
    assert same(part.extend(2, temperature=[1.0, 0.5]).extend(1), long)


def test_the_same_seed_gives_the_same_states_for_any_number_of_threads():
    runs = [ss.simulate(Z, 0.5, rng=7, engine="particles", threads=n) for n in (1, 2, 3, None)]
    assert all(same(runs[0], other) for other in runs[1:])
    assert not same(runs[0], ss.simulate(Z, 0.5, rng=8, engine="particles"))
    generator = np.random.default_rng(7)
    assert same(runs[0], ss.simulate(Z, 0.5, rng=generator, engine="particles"))
    assert not same(runs[0], ss.simulate(Z, 0.5, rng=generator, engine="particles"))


@pytest.mark.parametrize("proposal", ["uniform", "neighbour"])
def test_averages_are_judged_with_their_own_covariance(proposal, rng, alarm):
    run = ss.simulate(Z, 0.6, particles=20_000, sweeps=3000, record=2, proposal=proposal, rng=rng)
    assert run.verify_average(false_alarm=alarm)
    # negative control: to the average, a temperature off by 1 % is visible; to the last counts it is not
    wrong = dataclasses.replace(run, temperature=0.606)
    assert not wrong.verify_average(false_alarm=alarm)
    assert wrong.verify(false_alarm=alarm)


def test_averages_that_cannot_be_judged_are_named():
    with pytest.raises(ValueError, match="record must leave records after"):
        ss.simulate(Z, 0.6, particles=10, sweeps=10, record=2, rng=1).verify_average()
    with pytest.raises(ValueError, match="record must leave records after"):
        ss.simulate(Z, 0.6, particles=10, rng=1).verify_average()
    with pytest.raises(ValueError, match="got a schedule"):
        ss.simulate(Z, np.linspace(3, 0.6, 500), particles=10, record=1, rng=1).verify_average()
    with pytest.raises(ValueError, match="got a schedule"):
        ss.simulate(Z, 0.6, particles=10, record=1, rng=1).extend(100, temperature=0.5).verify_average()


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    ss.simulate(Z, 0.5)
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


def test_every_start(rng):
    options = {"sweeps": 1, "rng": rng}
    assert ss.simulate(Z, 0.5, **options).particles == 100_000
    assert ss.simulate(Z, 0.5, particles=1e3, **options).particles == 1000
    assert ss.simulate(Z, 0, start=[0, 0, 50], **options).counts[2] <= 50
    states = np.array([0, 0, 0, 0, 1], np.uint8)
    run = ss.simulate(Z, 0, start=states, **options)
    assert run.states[:4].tolist() == [0, 0, 0, 0]  # at T = 0 nobody leaves the ground level
    assert ss.simulate([2.0, 1.0], 0, start=[0, 5], particles=5, **options).particles == 5  # counts
    assert ss.simulate([2.0, 1.0], 0, start=[0, 1], particles=2, **options).particles == 2  # states
    tied = ss.simulate([1.0, 1.0, 0.0], 0.0, particles=10, sweeps=1, proposal="neighbour", rng=rng)
    assert tied.counts[2] == 0
    forbidden = ss.simulate([0.0, -np.inf, 0.0, -np.inf], np.inf, start="uniform", particles=10_000, rng=rng)
    assert (forbidden.counts[[1, 3]] == 0).all()
    assert forbidden.counts.sum() == 10_000
    assert np.isfinite(ss.simulate([0.0, -np.inf], 0.7, record=1, rng=rng).energy).all()


def test_automatic_sweeps_are_those_of_the_spectral_bound():
    for proposal in ("uniform", "neighbour"):
        theory = ss.relaxation(Z, 0.5, proposal=proposal)
        assert ss.simulate(Z, 0.5, proposal=proposal, particles=10).sweeps == theory.sweeps()
        even = np.full(3, 1 / 3)
        assert ss.simulate(Z, 0.5, proposal=proposal, particles=10, start="uniform").sweeps == theory.sweeps(start=even)
    with pytest.warns(UserWarning, match="temperature holds 2 values, one a sweep"):
        assert ss.simulate(Z, [1.0, 0.5]).sweeps == 2


@pytest.mark.parametrize(
    ("z", "t"),
    [([2.0, 0.0, 2.0], 0.02), ([2.0, 0.0, 2.0], 0.0), ([1.0, -np.inf, 1.0], 2.0), ([2000.0, 0.0, 2000.0], 1.0)],
)
def test_a_frozen_ladder_is_refused_with_the_number_it_would_take(z, t):
    with pytest.raises(ValueError, match=r"sweeps='auto' would take .* frozen.*proposal='uniform'"):
        ss.simulate(z, t, proposal="neighbour")
    assert ss.simulate(z, t, proposal="neighbour", sweeps=5, particles=10).sweeps == 5


def test_alternating_for_ever_is_refused():
    others = [[0.0, 1.0], [1.0, 0.0]]
    for sweeps in (3, "auto"):
        with pytest.raises(ValueError, match=r"alternate for ever.*eigenvalue of -1"):
            ss.simulate([1.0, 1.0], 0.7, proposal=others, sweeps=sweeps)
    assert ss.simulate([1.0, 0.5], 0.7, proposal=others, particles=10).sweeps > 1


def decompositions(monkeypatch):
    """Count, from now on, how often eigenvalues are looked for, by SciPy or by NumPy."""
    found = []

    def counted(name, function):
        return lambda *arguments, **options: (found.append(name), function(*arguments, **options))[1]

    for home in (scipy.linalg, scipy.sparse.linalg, np.linalg):
        for name in ("eig", "eigh", "eigvals", "eigvalsh", "eigh_tridiagonal", "eigvalsh_tridiagonal", "eigs", "eigsh"):
            if hasattr(home, name):
                monkeypatch.setattr(home, name, counted(name, getattr(home, name)))
    return found


@pytest.mark.parametrize("schedule", [False, True])
def test_a_run_looks_at_the_spectrum_once_and_only_if_it_must(monkeypatch, schedule):
    found = decompositions(monkeypatch)
    q = np.full((40, 40), 1 / 39) - np.eye(40) / 39
    z = np.sin(np.arange(40.0))
    t = np.geomspace(2.0, 1.0, 300 if schedule else 5) if schedule else 1.0
    for proposal in (q, "neighbour", "uniform"):
        ss.simulate(z, t, proposal=proposal, sweeps=np.size(t), particles=10)
        assert found == []  # the length is given: no eigenvalue tells more
        if not schedule:
            ss.simulate(z, t, proposal=proposal, particles=10)
            # a ladder's gap has a matrix of its own, in which nothing cancels
            wanted = {"neighbour": ["eigvalsh_tridiagonal", "eigvalsh"], "uniform": []}
            assert found == (wanted[proposal] if isinstance(proposal, str) else ["eigvalsh"])
        found.clear()


def test_ctrl_c_returns_what_was_done():
    """A signal in the middle of a run that would take hours: the run comes back whole sweeps, and can go on."""
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    begin, before = time.monotonic(), signal.getsignal(signal.SIGINT)
    timer.start()
    run = ss.simulate(Z, 0.5, particles=200_000, sweeps=10**9, engine="particles", rng=4)
    timer.join()
    assert time.monotonic() - begin < 30
    assert run.interrupted
    assert 0 < run.sweeps < 10**9
    assert "interrupted" in str(run)
    assert signal.getsignal(signal.SIGINT) is before
    again = ss.simulate(Z, 0.5, particles=200_000, sweeps=run.sweeps, engine="particles", rng=4)
    assert np.array_equal(again.states, run.states)


def test_a_run_in_another_thread_is_possible():
    results = []
    worker = threading.Thread(target=lambda: results.append(ss.simulate(Z, 0.5, rng=1)))
    worker.start()
    worker.join()
    assert same(results[0], ss.simulate(Z, 0.5, rng=1))


def test_the_progress_bar_counts_sweeps(capsys):
    ss.simulate(Z, 0.5, sweeps=12, particles=10, progress=True)
    assert "12/12" in capsys.readouterr().err


def test_descriptions_are_sentences():
    run = ss.simulate(Z, 0.5, particles=1000, sweeps=10, rng=1)
    assert str(run).startswith("1,000 particles on 3 levels at T = 0.5 after 10 sweeps;")
    assert repr(run).startswith("<Trajectory: ")
    assert run.occupancy.sum() == pytest.approx(1)
    assert 0 < run.acceptance_rate < 1


@pytest.mark.process
def test_fifty_thousand_levels_take_less_than_a_gigabyte():
    code = (
        "import numpy as np, resource, simsoftmax as ss\n"
        "z = np.random.default_rng(0).normal(size=50_000)\n"
        "for engine in ('particles', 'occupations'):\n"
        "    run = ss.simulate(z, 1.5, particles=10**6, sweeps=100, engine=engine, rng=1)\n"
        "    assert run.counts.sum() == 10**6\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1e9


@pytest.mark.process
def test_importing_the_package_stays_light():
    """Count modules, not seconds: neither numba nor SciPy may be loaded before they are needed."""
    code = "import sys, simsoftmax; print([m for m in ('numba', 'scipy', 'matplotlib', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_that_are_not_trajectories_are_named(tmp_path):
    for name, content in (("empty.npz", b""), ("text.npz", b"counts"), ("zip.npz", b"PK\x03\x04rubbish")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match="path must name a saved trajectory"):
            ss.Trajectory.load(path)
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="path must name a saved trajectory"):
        ss.Trajectory.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match="path must name a saved trajectory"):
        ss.Trajectory.load(tmp_path / "array.npy")
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="path must name a saved trajectory"):
        ss.Trajectory.load(tmp_path / "pickle.npy")


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"logits": [1, np.nan]}, ValueError, "logits must be finite or -inf"),
        ({"logits": [1, np.inf]}, ValueError, "logits must be finite or -inf"),
        ({"logits": []}, ValueError, "logits must hold at least one level"),
        ({"logits": [[1, 2]]}, ValueError, "logits must be one-dimensional"),
        ({"logits": "cold"}, TypeError, "logits must be real numbers"),
        ({"temperature": -1}, ValueError, "temperature must be >= 0, got -1"),
        ({"temperature": 1j}, TypeError, "temperature must be real numbers"),
        ({"temperature": [[1.0]]}, ValueError, "temperature must be a number or one value a sweep"),
        ({"temperature": []}, ValueError, "temperature must be a number or one value a sweep"),
        ({"temperature": [1.0, np.nan]}, ValueError, "temperature must be >= 0, got nan at index 1"),
        ({"temperature": [1.0, 2.0], "sweeps": 3}, ValueError, "sweeps must equal the 2 temperatures, got 3"),
        ({"particles": 0}, ValueError, "particles must be from 1 to"),
        ({"particles": -5}, ValueError, "particles must be from 1 to"),
        ({"particles": 1.5}, ValueError, "particles must be a whole number, got 1.5"),
        ({"particles": 2**60}, ValueError, "particles must be from 1 to"),
        ({"particles": "many"}, TypeError, "particles must be a whole number, got 'many'"),
        ({"particles": True}, TypeError, "particles must be a whole number"),
        ({"particles": 10**12, "engine": "particles"}, ValueError, "engine='occupations' takes any number"),
        ({"sweeps": 0}, ValueError, "sweeps must be from 1 to"),
        ({"sweeps": -1}, ValueError, "sweeps must be from 1 to"),
        ({"sweeps": "some"}, ValueError, "sweeps must be a whole number or 'auto', got 'some'"),
        ({"sweeps": None}, TypeError, "sweeps must be a whole number"),
        ({"start": "hot"}, ValueError, "start must be 'ground', 'uniform' or an array, got 'hot'"),
        ({"start": [0, 1, 3, 0]}, ValueError, "start must hold levels from 0 to 2, got 3 at index 2"),
        ({"start": [0, -1, 3]}, ValueError, "start must hold whole numbers from 0"),
        ({"start": [0.5, 0.5, 0]}, ValueError, "start must hold whole numbers from 0"),
        ({"start": [0, 0, 0]}, ValueError, "start must hold from 1 to"),
        ({"start": [1, 2, 3], "particles": 100}, ValueError, "start must hold 3 counts that sum to particles = 100"),
        ({"start": []}, ValueError, "start must be one-dimensional and not empty"),
        ({"start": None}, TypeError, "start must be real numbers"),
        (
            {"logits": [1, -np.inf], "start": [0, 1]},
            ValueError,
            "levels that cannot be occupied, got particles in level 1",
        ),
        ({"engine": "steam"}, ValueError, "engine must be 'auto'"),
        ({"record": -1}, ValueError, "record must be from 0 to"),
        ({"threads": 0}, ValueError, "threads must be from 1 to"),
        ({"rng": "seed"}, TypeError, "rng must be a seed"),
        ({"rng": -1}, ValueError, "rng must be a seed"),
    ],
)
def test_wrong_input_is_named(change, error, says):
    with pytest.raises(error, match=says):
        ss.simulate(**{"logits": Z, "temperature": 0.5, **change})


def test_wrong_extensions_are_named():
    run = ss.simulate(Z, 0.5, particles=10, sweeps=1)
    for sweeps in (0, -1, "auto", 1.5):
        with pytest.raises((ValueError, TypeError), match="sweeps must"):
            run.extend(sweeps)
    with pytest.raises(ValueError, match="temperature must be a number or one value for each of 3 sweeps"):
        run.extend(3, temperature=[1.0, 2.0])


def test_the_engine_is_chosen_by_cost():
    assert ss.simulate(Z, 0.5, particles=1000).engine == "particles"
    assert ss.simulate(Z, 0.5, particles=10**12).engine == "occupations"
    assert ss.simulate(Z, 0.5, start=np.zeros(10**6, np.uint8), sweeps=50).engine == "particles"
    assert metropolis.simulate is ss.simulate


def test_moves_are_counted_without_overflow(alarm):
    run = ss.simulate([0.0, 0.0], 1.0, particles=2**53, sweeps=3000, rng=1)
    assert run.acceptance_rate == pytest.approx(0.5, abs=1e-6)
    assert run.moved > 2**63


def test_a_list_of_temperatures_is_no_run_at_each():
    temperatures = [0.3, 0.5, 1, 2, 5]
    with pytest.warns(
        UserWarning, match=r"one a sweep of a single run.*\[simulate\(logits, t\) for t in temperature\]"
    ):
        short = ss.simulate(Z, temperatures, particles=100, rng=1)
    assert same(short, ss.simulate(Z, temperatures, sweeps=5, particles=100, rng=1))  # said on purpose, no warning
    ss.simulate(Z, np.geomspace(5, 0.5, 60), particles=100)  # these reach softmax, or are a schedule beyond doubt
    ss.simulate(Z, [0.5, 0.5], particles=100)
    with pytest.warns(UserWarning, match="temperature holds 3 values"):
        ss.simulate(np.zeros(2000), [3.0, 2.0, 1.0], proposal="neighbour", particles=100)


def test_a_long_automatic_run_is_announced(monkeypatch):
    monkeypatch.setattr(metropolis, "MANY_MOVES", 1e4)
    z = np.linspace(0, 5, 200)
    with pytest.warns(UserWarning, match=r"takes [\d,]+ sweeps of 10 particles on 200 levels.*rng.multinomial"):
        run = ss.simulate(z, 0.05, particles=10, rng=1)
    ss.simulate(z, 0.05, particles=10, sweeps=run.sweeps, rng=1)  # asked for
    ss.simulate(z, 0.05, particles=10, rng=1, progress=True)  # seen


@pytest.mark.process
def test_starting_states_take_no_more_room_than_they_need():
    code = (
        "import resource, simsoftmax as ss\n"
        "ss.simulate([2.0, 1.0, 0.1], particles=10**5, sweeps=1, engine='particles', rng=1)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for start in ('ground', 'uniform'):\n"
        "    ss.simulate([2.0, 1.0, 0.1], particles=10**8, sweeps=1, engine='particles', start=start, rng=1)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 4e8  # a byte a particle, and copies; as int64 they would take 8e8


def test_the_number_of_pools_does_not_grow():
    before = threading.active_count()
    for threads in range(1, 40):
        ss.simulate(Z, 0.5, particles=100_000, sweeps=1, engine="particles", threads=threads, rng=1)
    assert threading.active_count() <= before + (os.cpu_count() or 1)


def test_start_counts_that_sum_beyond_their_range_are_refused():
    with pytest.raises(ValueError, match="start must hold"):
        ss.simulate(np.zeros(2048), start=np.full(2048, 2**53), particles=5)
