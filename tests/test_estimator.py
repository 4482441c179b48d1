"""TemperatureScaler behaves as scikit-learn expects, alone and on top of a classifier."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from simsoftmax import TemperatureScaler, fit_temperature, softmax

COLUMNS = "two features cannot be the logits of three classes"
LEARNS = "the columns are the logits themselves: there is nothing to learn about which class they favour"
EXPECTED = {
    "check_estimators_overwrite_params": COLUMNS,
    "check_estimators_fit_returns_self": COLUMNS,
    "check_readonly_memmap_input": COLUMNS,
    "check_classifiers_classes": COLUMNS,
    "check_classifiers_train": LEARNS,
    "check_classifiers_one_label": LEARNS,
}


def expected_failures(estimator):
    """Only the scaler on bare logits fails any check, and these are why."""
    return EXPECTED if estimator.estimator is None else {}


@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API", "ignore::RuntimeWarning:sklearn", "ignore::UserWarning:sklearn")
@pytest.mark.filterwarnings("ignore:logits look like probabilities")
@parametrize_with_checks(
    [TemperatureScaler(), TemperatureScaler(LogisticRegression(), cv=3), TemperatureScaler(GaussianNB(), cv=2)],
    expected_failed_checks=expected_failures,
)
def test_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def test_on_logits_it_is_the_fit(rng):
    logits = 3 * rng.standard_normal((1000, 4))
    labels = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    names = np.array(["ash", "beech", "elm", "oak"])
    weights = rng.random(1000)
    scaler = TemperatureScaler().fit(logits, names[labels], sample_weight=weights)
    fit = fit_temperature(logits, labels, weights=weights)
    assert scaler.fit_ == fit
    assert scaler.temperature_ == fit.temperature
    np.testing.assert_array_equal(scaler.predict_proba(logits), softmax(logits, fit.temperature))
    np.testing.assert_array_equal(scaler.predict(logits), names[logits.argmax(axis=1)])


def test_classes_that_never_occur_keep_their_columns(rng):
    logits = rng.standard_normal((50, 6))
    scaler = TemperatureScaler().fit(logits, np.repeat([1, 4], 25))
    assert scaler.classes_.tolist() == list(range(6))
    assert scaler.predict_proba(logits).shape == (50, 6)
    with pytest.raises(ValueError, match="y must hold 6 classes, one for each column"):
        TemperatureScaler().fit(logits, np.repeat(["a", "b"], 25))


def test_one_column_is_the_logit_of_the_second_class(rng):
    score = 2 * rng.standard_normal(500)
    labels = (score + rng.logistic(size=500) > 0).astype(int)
    scaler = TemperatureScaler().fit(score[:, None], labels)
    two = TemperatureScaler().fit(np.stack([0 * score, score], axis=1), labels)
    assert scaler.temperature_ == two.temperature_
    np.testing.assert_allclose(scaler.predict_proba(score[:, None])[:, 1], 1 / (1 + np.exp(-score / two.temperature_)))


def test_nothing_to_fit_leaves_the_model_as_it_is():
    scaler = TemperatureScaler().fit(np.zeros((4, 2)), [0, 1, 0, 1])
    assert scaler.fit_.status == "unidentified"
    assert scaler.temperature_ == 1
    np.testing.assert_array_equal(scaler.predict_proba(np.zeros((1, 2))), [[0.5, 0.5]])


@pytest.mark.parametrize("classifier", [LinearSVC(), GaussianNB(), make_pipeline(StandardScaler(), LinearSVC())])
def test_on_top_of_any_classifier(digits, classifier):
    pictures, labels = digits[0][:600], digits[1][:600]
    scaler = TemperatureScaler(classifier, cv=3).fit(pictures, labels)
    method = "decision_function" if hasattr(classifier, "decision_function") else "predict_log_proba"
    logits = cross_val_predict(clone(classifier), pictures, labels, cv=3, method=method)
    assert scaler.temperature_ == pytest.approx(fit_temperature(logits, labels).temperature)
    assert scaler.predict_proba(digits[0][600:]).shape == (1197, 10)
    assert scaler.score(digits[0][600:], digits[1][600:]) > 0.75


def test_a_frozen_classifier_stays_as_it_is(digits):
    pictures, labels = digits
    trained = LogisticRegression(C=100, max_iter=2000).fit(pictures[:600] / 16, labels[:600])
    before = trained.coef_.copy()
    held_out, truth = pictures[600:] / 16, labels[600:]
    scaler = TemperatureScaler(FrozenEstimator(trained)).fit(held_out, truth)
    assert (trained.coef_ == before).all()
    assert scaler.temperature_ == pytest.approx(
        fit_temperature(trained.decision_function(held_out), truth).temperature, rel=1e-12
    )
    # scikit-learn's own scaling finds the same temperature, to the accuracy of its optimiser.
    other = CalibratedClassifierCV(FrozenEstimator(trained), method="temperature", ensemble=False).fit(held_out, truth)
    np.testing.assert_allclose(scaler.predict_proba(held_out), other.predict_proba(held_out), atol=2e-3)
    np.testing.assert_array_equal(scaler.predict(held_out), trained.predict(held_out))
