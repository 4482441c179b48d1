"""Ctrl-C: nothing that was simulated is lost, no interrupt is swallowed, and nobody else's handler is touched."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from patience import until

import simsoftmax as ss
from simsoftmax import annealing, gas, interruption, thermodynamics, trajectory
from simsoftmax.__main__ import main

Z = [2.0, 1.0, 0.1]
LONG = {"particles": 200_000, "sweeps": 10**9, "engine": "particles", "rng": 4}


over = threading.Event()  # the test in hand is


def after(seconds):
    """Send Ctrl-C so long after some work has begun to note it; it would end the tests if it came before, or after."""

    def interrupt():
        noted = lambda: signal.getsignal(signal.SIGINT) is not signal.default_int_handler or over.is_set()  # noqa: E731
        until(noted, wait=lambda seconds: time.sleep(seconds / 100))  # a run may be short
        time.sleep(seconds)
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()


@pytest.fixture(autouse=True)
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    over.clear()
    yield
    over.set()
    signal.signal(signal.SIGINT, before)


def interrupting(monkeypatch, module, name, calls=1):
    """Let Ctrl-C come during a call of a function, the first time by default."""
    original, count = getattr(module, name), []

    def function(*arguments, **options):
        count.append(1)
        if len(count) == calls:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(module, name, function)


def test_an_interrupt_that_cut_nothing_is_raised(monkeypatch):
    from simsoftmax.kernels import particles

    interrupting(monkeypatch, particles, "advance")
    with pytest.raises(KeyboardInterrupt):
        ss.simulate(Z, 0.5, particles=10, sweeps=3, engine="particles")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_cut_the_run_returns_it(monkeypatch):
    from simsoftmax.kernels import particles

    interrupting(monkeypatch, particles, "advance", calls=2)
    run = ss.simulate(Z, 0.5, particles=10, sweeps=9, record=3, engine="particles", rng=1)
    assert run.interrupted
    assert run.sweeps == 6
    assert run.extend(3).counts.sum() == 10


def test_no_interrupt_of_many_short_runs_is_lost():
    def until_interrupted():
        while not ss.simulate(Z, 0.5, particles=1000, sweeps=20).interrupted:
            pass
        raise KeyboardInterrupt  # what a careful caller does

    for _ in range(20):
        after(0.02)
        with pytest.raises(KeyboardInterrupt):
            until_interrupted()


@pytest.mark.parametrize(
    "work",
    [
        lambda: thermodynamics.integrate_log_partition(Z, 0.01, particles=10**8),
        lambda: annealing.anneal(Z, np.full(10**6, 0.5)),
    ],
)
def test_work_that_is_made_of_runs_does_not_go_on_with_one_that_was_cut(work):
    begin = time.monotonic()
    after(0.1)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - begin < 20


def test_a_gas_that_is_interrupted_keeps_what_it_did(monkeypatch):
    options = {"particles": 1000, "record": 50, "rng": 7}
    gas.simulate_gas(**options, sweeps=1)  # compile
    begin = time.monotonic()
    after(0.5)
    cut = gas.simulate_gas(**(options | {"particles": 100_000}), sweeps=10**8)
    assert time.monotonic() - begin < 20
    assert cut.interrupted
    assert 0 < cut.sweeps < 10**8
    assert "interrupted" in str(cut)
    assert cut.total == 100_000
    monkeypatch.setattr(gas, "_AT_ONCE", 100)  # many calls of the machine give what one gives
    parts = gas.simulate_gas(**options, sweeps=120)
    monkeypatch.undo()
    assert parts == gas.simulate_gas(**options, sweeps=120)
    assert len(parts.occupancies) == 2  # after 50 and 100 of 120 sweeps


def test_a_gas_shows_its_progress(capsys):
    gas.simulate_gas(particles=10, sweeps=12, progress=True)
    assert "12/12" in capsys.readouterr().err


def test_a_handler_of_the_user_is_called_and_stays():
    called = []
    signal.signal(signal.SIGINT, lambda *_: called.append(1))
    after(0.1)
    run = ss.simulate(Z, 0.5, **(LONG | {"sweeps": 20_000}))
    assert called
    assert not run.interrupted
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    after(0.1)
    assert not ss.simulate(Z, 0.5, **(LONG | {"sweeps": 20_000})).interrupted
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.process
def test_a_handler_that_is_none_of_pythons_is_no_trouble():
    code = (
        "import ctypes, signal, simsoftmax as ss\n"
        "library = ctypes.CDLL(None)\n"
        "handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: None)\n"
        "library.signal(signal.SIGINT, handler)\n"
        "signal.getsignal = lambda number: None  # what Python says if it began under such a host\n"
        "print(ss.simulate([1.0, 0.0], particles=10, sweeps=3, rng=1).sweeps)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


def test_a_handler_that_was_installed_meanwhile_stays():
    mine = lambda *_: None  # noqa: E731
    with interruption.postponed_interrupt():
        signal.signal(signal.SIGINT, mine)
    assert signal.getsignal(signal.SIGINT) is mine


def test_a_second_interrupt_acts_at_once():
    with interruption.postponed_interrupt() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_command_line_has_no_verdict_on_a_run_that_was_cut(capsys):
    after(0.5)
    with pytest.raises(SystemExit) as stopped:
        main(["simulate", "--logits", "2,1,0.1", "-N", "200000", "--sweeps", "1e9", "--engine", "particles"])
    assert stopped.value.code == 130
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("simsoftmax: interrupted: 200,000 particles")


def test_the_counts_of_a_run_that_was_cut_enter_no_estimate(monkeypatch):
    monkeypatch.setattr(trajectory, "finished", lambda noted, complete: False)  # every run is cut
    assert ss.simulate(Z, 0.5, particles=10).interrupted
    with pytest.raises(KeyboardInterrupt):
        thermodynamics.integrate_log_partition(Z, 0.5, particles=1000)
    with pytest.raises(KeyboardInterrupt):
        annealing.anneal(Z, [2.0, 1.0], particles=10)
