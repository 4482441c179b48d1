"""The networks of the chapter on distillation: students that differ in what they are told, and in nothing else."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import simsoftmax as ss

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def teaching():
    """Return the chapter's module."""
    spec = importlib.util.spec_from_file_location("teaching", ROOT / "book" / "teaching.py")
    sys.modules["teaching"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["teaching"]


def cross_entropy(z, target, t):
    return -(target * ss.log_softmax(z, t)).sum()


@pytest.mark.parametrize("t", [0.7, 3.0, 40.0])
def test_the_gradient_is_that_of_the_warm_loss(teaching, rng, t):
    z, target = 3 * rng.normal(size=6), ss.softmax(rng.normal(size=6))
    step = 1e-4
    numeric = [
        t**2 * (cross_entropy(z + e, target, t) - cross_entropy(z - e, target, t)) / (2 * step)
        for e in step * np.eye(6)
    ]
    slope = teaching.gradient(z[None, None], target[None, None], np.array([t]))[0, 0]
    np.testing.assert_allclose(slope, numeric, atol=1e-5 * t)
    np.testing.assert_allclose(teaching.gradient(z[None], target[None], t)[0], slope, rtol=1e-12)


def test_students_differ_in_what_they_are_told_alone(teaching, rng):
    given = teaching.split(rng)
    x, y = given.pictures[:20], given.labels[:20]
    told = np.array([teaching.one_hot(y), teaching.smoothed(y, 0.1), teaching.one_hot(y)])
    network = teaching.teach(x, told, np.ones(3), hidden=5, rng=rng, steps=40)
    first, second, third = network.logits(given.test_pictures)
    np.testing.assert_array_equal(first, third)
    assert np.abs(first - second).max() > 0.01


def test_a_student_learns(teaching):
    rng = np.random.default_rng(4)
    given = teaching.split(rng)
    network = teaching.teach(
        given.pictures, teaching.one_hot(given.labels)[None], np.ones(1), hidden=16, rng=rng, steps=300
    )
    assert (network.logits(given.test_pictures)[0].argmax(axis=1) == given.test_labels).mean() > 0.85


def test_a_deal_is_whole_and_new_each_time(teaching):
    one, other = (teaching.split(np.random.default_rng(seed)) for seed in (1, 2))
    assert (len(one.pictures), len(one.test_pictures)) == (1000, 797)
    rows = [np.concatenate([given.pictures, given.test_pictures]) for given in (one, other)]
    assert not np.array_equal(*rows)
    np.testing.assert_array_equal(*(np.sort(r.sum(axis=1)) for r in rows))


def test_shuffled_targets_keep_what_they_say_of_the_label(teaching, rng):
    labels = rng.integers(10, size=50)
    told = teaching.warm(4 * rng.normal(size=(50, 10)), 5.0)
    torn = teaching.shuffled(told, labels, rng)
    at = np.arange(50), labels
    np.testing.assert_array_equal(torn[at], told[at])
    np.testing.assert_array_equal(np.sort(torn, axis=1), np.sort(told, axis=1))
    assert (torn != told).any(axis=1).all()


def test_the_nearest_other_digit_is_never_its_own(teaching, rng):
    given = teaching.split(rng)
    near = teaching.nearest_other(given)
    assert (near != given.test_labels).all()
    means = teaching.mean_pictures(given)
    n = 17
    distances = [np.linalg.norm(given.test_pictures[n] - mean) for mean in means]
    others = [k for k in np.argsort(distances) if k != given.test_labels[n]]
    assert near[n] == others[0]


def test_the_kept_study_is_the_planned_one():
    """What was planned for every seed is there for every seed, and nothing that nobody planned."""
    study = json.loads((ROOT / "book" / "data" / "distillation_study.json").read_text())
    assert (study["seeds"], study["sizes"], study["main"]) == (40, [30, 100, 300, 1000], 20)
    told = {f"{{}} at {t}" for t in study["temperatures"]} | {"{} shuffled"}
    well_read, same_book = ({arm.format(name) for arm in told} for name in ("well-read", "same book"))
    plain = {"labels", "smoothed"}
    assert len(study["replicas"]) == study["seeds"]
    for seed, found in enumerate(study["replicas"]):
        for size in study["sizes"]:
            arms = found[str(size)]
            assert set(arms) == plain | well_read | (same_book if size < 1000 else set())
            assert {len(values) for values in arms.values()} == {len(study["measures"])}
        assert set(found["never seen"]) == {"labels", "digit", "pictures"} | well_read
        assert found["never seen"]["digit"] == seed % 10
        assert found["choices"]["right"] + found["choices"]["wrong"] == study["test"]
