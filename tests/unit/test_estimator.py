"""TemperatureScaler behaves as scikit-learn expects, alone and on top of a classifier."""

import contextlib
import re
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from simsoftmax import TemperatureScaler, fit_temperature, softmax

COLUMNS = "two features cannot be the logits of three classes"
LEARNS = "the columns are the logits themselves: there is nothing to learn about which class they favour"
EXPECTED = {
    "check_estimators_overwrite_params": COLUMNS,
    "check_estimators_fit_returns_self": COLUMNS,
    "check_estimators_partial_fit_n_features": COLUMNS,
    "check_readonly_memmap_input": COLUMNS,
    "check_classifiers_classes": COLUMNS,
    "check_classifiers_train": LEARNS,
    "check_classifiers_one_label": LEARNS,
}


@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API", "ignore::RuntimeWarning:sklearn", "ignore::UserWarning:sklearn")
@pytest.mark.filterwarnings("ignore:logits look like probabilities", "ignore:the fitted temperature_ is")
@parametrize_with_checks(
    [TemperatureScaler(), TemperatureScaler(LogisticRegression(), cv=3), TemperatureScaler(GaussianNB(), cv=2)]
)
def test_estimator(estimator, check):
    """Only the scaler on bare logits fails any check; a failure that is expected needs no report of ten pages."""
    expected = EXPECTED.get(check.func.__name__) if estimator.estimator is None else None
    with pytest.raises((AssertionError, ValueError)) if expected else contextlib.nullcontext():
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
    scaler = TemperatureScaler().fit(logits, logits[:, [1, 4]].argmax(axis=1) * 3 + 1)
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


@pytest.mark.parametrize("levels", [3, 4])
def test_scores_that_do_not_stand_for_the_classes_are_refused(digits, levels):
    """Three classes have three pairs, so the columns of "one against one" pass for scores of the classes."""
    pictures, labels = (part[digits[1] < levels][:300] for part in digits)
    with pytest.raises(ValueError, match=r"estimator must .*decision_function_shape='ovr'"):
        TemperatureScaler(SVC(decision_function_shape="ovo"), cv=3).fit(pictures, labels)
    scaler = TemperatureScaler(SVC(decision_function_shape="ovr"), cv=3).fit(pictures, labels)
    assert scaler.score(pictures, labels) > 0.95


class OnlyProbabilities(ClassifierMixin, BaseEstimator):
    """A classifier with neither decision_function nor predict_log_proba."""

    def fit(self, X, y):
        self.inner_ = LogisticRegression(max_iter=50, tol=0.01).fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)

    def predict(self, X):
        return self.inner_.predict(X)


def test_probabilities_alone_will_do(digits):
    pictures, labels = digits[0][:500, 2:30:5] / 16, digits[1][:500]
    only = TemperatureScaler(OnlyProbabilities(), cv=3).fit(pictures, labels)
    both = TemperatureScaler(LogisticRegression(max_iter=50, tol=0.01), cv=3).fit(pictures, labels)
    assert only.temperature_ == pytest.approx(both.temperature_, rel=1e-6)

    with pytest.raises(TypeError, match="estimator must have decision_function"):
        TemperatureScaler(StandardScaler()).fit(pictures, labels)


@pytest.mark.parametrize("forest", [RandomForestClassifier(5, random_state=1), DecisionTreeClassifier(random_state=1)])
def test_probabilities_of_zero_are_as_small_as_what_is_counted_as_nothing(digits, forest):
    pictures, labels = digits[0][:600], digits[1][:600]
    scaler = TemperatureScaler(forest, cv=3).fit(pictures, labels)
    p = cross_val_predict(clone(forest), pictures, labels, cv=3, method="predict_proba")
    assert (p[np.arange(600), labels] == 0).any()
    floored = fit_temperature(np.log(np.maximum(p, np.finfo(float).eps)), labels)
    assert scaler.temperature_ == pytest.approx(floored.temperature, rel=1e-6)
    probabilities = scaler.predict_proba(digits[0][600:])
    assert (probabilities > 0).all()
    np.testing.assert_array_equal(scaler.predict(digits[0][600:]), scaler.estimator_.predict(digits[0][600:]))


def test_a_fold_that_lacks_a_class_is_named_and_left_out(digits):
    order = np.concatenate([np.flatnonzero(digits[1] == digit)[:30] for digit in range(10)])
    pictures, labels = digits[0][order, 2:30:5], digits[1][order]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scaler = TemperatureScaler(GaussianNB(), cv=KFold(7)).fit(pictures, labels)
    lacked = [re.match("the training rows of fold (.) of cv lack the class (.), so 30", str(w.message)) for w in caught]
    assert [found.groups() for found in lacked] == [("0", "0"), ("2", "3"), ("4", "6"), ("6", "9")]
    assert scaler.predict_proba(pictures).shape == (300, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="cv must leave rows of every class"):
            TemperatureScaler(GaussianNB(), cv=KFold(10)).fit(pictures, labels)

    names = np.where(np.arange(300) == 7, "rare", np.where(labels > 4, "high", "low"))
    with warnings.catch_warnings(record=True) as caught:  # scikit-learn warns of its folds too
        warnings.simplefilter("always")
        scaler = TemperatureScaler(GaussianNB(), cv=3).fit(pictures, names)
    assert any("lack the class 'rare', so 1 rows" in str(warning.message) for warning in caught)
    assert scaler.classes_.tolist() == ["high", "low", "rare"]
    with pytest.raises(ValueError, match=r"cv must leave at least two classes .* got only 1 in fold 0"):
        TemperatureScaler(GaussianNB(), cv=KFold(2)).fit(digits[0][:20], np.repeat([0, 1], 10))


def test_a_frozen_classifier_may_know_more_classes_than_the_rows_hold(digits):
    trained = LogisticRegression(max_iter=500).fit(digits[0][:800] / 16, digits[1][:800])
    kept = digits[1][800:] != 3
    pictures, labels = digits[0][800:][kept] / 16, digits[1][800:][kept]
    scaler = TemperatureScaler(FrozenEstimator(trained)).fit(pictures, labels)
    assert scaler.predict_proba(pictures).shape == (len(labels), 10)
    assert scaler.temperature_ == fit_temperature(trained.decision_function(pictures), labels).temperature
    with pytest.raises(ValueError, match="y must hold classes that the estimator knows, got 11"):
        TemperatureScaler(FrozenEstimator(trained)).fit(pictures, np.where(labels == 4, 11, labels))


def test_an_end_is_said(rng):
    logits = rng.standard_normal((50, 3))
    for labels, temperature in ((logits.argmax(axis=1), 0), (logits.argmin(axis=1), np.inf)):
        with pytest.warns(ConvergenceWarning, match=f"the fitted temperature_ is {temperature:g}"):
            assert TemperatureScaler().fit(logits, labels).temperature_ == temperature


@pytest.mark.parametrize("classifier", [make_pipeline(StandardScaler(), GaussianNB()), LinearDiscriminantAnalysis()])
def test_weights_that_the_classifier_does_not_take_weigh_the_fit(digits, classifier, rng):
    pictures, labels = digits[0][:400, 2:30:5], digits[1][:400]
    weights = rng.random(400)
    with pytest.warns(UserWarning, match="sample_weight is used in the fit of the temperature alone"):
        scaler = TemperatureScaler(classifier, cv=3).fit(pictures, labels, sample_weight=weights)
    method = "decision_function" if hasattr(classifier, "decision_function") else "predict_log_proba"
    logits = cross_val_predict(clone(classifier), pictures, labels, cv=3, method=method)
    assert scaler.fit_ == fit_temperature(logits, labels, weights=weights)


def test_groups_reach_the_folds(digits):
    pictures, labels = digits[0][:400, 2:30:5], digits[1][:400]
    groups = np.arange(400) // 40
    scaler = TemperatureScaler(GaussianNB(), cv=GroupKFold(4)).fit(pictures, labels, groups=groups)
    logits = cross_val_predict(
        GaussianNB(), pictures, labels, cv=GroupKFold(4), groups=groups, method="predict_log_proba"
    )
    assert scaler.fit_ == fit_temperature(logits, labels)
    with pytest.raises(ValueError, match="groups"):
        TemperatureScaler(GaussianNB(), cv=GroupKFold(4)).fit(pictures, labels)


class Frame(np.ndarray):
    """What matters of a frame here: an array whose columns have names."""

    columns = ()


@pytest.mark.parametrize("names", [["b", "a", "c"], ["a", "b", "c"], ["x", "y", "z"]])
def test_columns_that_are_the_classes_in_another_order_are_refused(rng, names):
    table = rng.standard_normal((60, 3)).view(Frame)
    table.columns = names
    labels = np.array(["a", "b", "c"])[(2 * np.asarray(table) + rng.gumbel(size=table.shape)).argmax(axis=1)]
    if names[0] == "b":
        with pytest.raises(ValueError, match="X must have its columns in the order of the classes"):
            TemperatureScaler().fit(table, labels)
    else:
        TemperatureScaler().fit(table, labels)
    table.columns = [1, 0, 2]
    with pytest.raises(ValueError, match="logits must have its columns in the order"):
        fit_temperature(table, np.zeros(60, int))
