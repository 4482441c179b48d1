"""Temperature scaling as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from .arguments import as_logits
from .boltzmann import softmax
from .calibration import TemperatureFit, fit_temperature

__all__ = ["TemperatureScaler"]


class TemperatureScaler(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Turn logits, or any classifier that gives decision scores, into calibrated probabilities softmax(logits / T).

    Parameters
    ----------
    estimator : classifier, optional
        Without one, ``X`` holds the logits themselves, a column for each class in sorted order, and should be rows
        that the model behind them was not trained on. With one, its cross-validated scores (``decision_function``, or
        for lack of it the logarithm of ``predict_proba``) are the logits that T is fitted to, and then it is fitted
        to all rows. Wrap a trained classifier in `sklearn.frozen.FrozenEstimator` to leave it as it is.
    cv : int or cross-validation generator, optional
        How rows are held out. Not used without an estimator.
    confidence : float, optional
        Coverage of the temperature's interval.

    Attributes
    ----------
    temperature_ : float
        The fitted temperature; 1 where the data do not identify one (every row's logits alike).
    fit_ : TemperatureFit
        The whole report.
    estimator_ : classifier or None
        The classifier that gives the logits.
    classes_ : ndarray, shape (K,)
    n_features_in_ : int

    Notes
    -----
    A single column of scores, as a two-class ``decision_function`` gives, is the logit of the second class against
    the first.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 4.0], [0.0, 2.0]])
    >>> scaler = TemperatureScaler().fit(logits, [0, 1, 1, 1, 0])
    >>> scaler.predict_proba(logits).shape
    (5, 2)
    """

    def __init__(self, estimator: Any = None, *, cv: Any = 5, confidence: float = 0.95) -> None:
        self.estimator = estimator
        self.cv = cv
        self.confidence = confidence

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> TemperatureScaler:
        """Fit the temperature, and the classifier where there is one.

        Parameters
        ----------
        X : array_like, shape (n, K), (n, 1) or what the estimator takes
        y : array_like, shape (n,)
            True classes.
        sample_weight : array_like, shape (n,), optional
            Weights of the rows in the fit of the temperature, and of the estimator.

        Returns
        -------
        TemperatureScaler
        """
        check_classification_targets(y)
        if self.estimator is None:
            self.estimator_ = None
            X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), ensure_all_finite=False)
            self.classes_ = self._classes(np.unique(y), max(2, X.shape[1]))
            logits = _two_columns(X)
        else:
            y = column_or_1d(y, warn=True)
            validate_data(self, X, y, skip_check_array=True)
            fitting = {} if sample_weight is None else {"sample_weight": sample_weight}
            method = "decision_function" if hasattr(self.estimator, "decision_function") else "predict_log_proba"
            logits = cross_val_predict(clone(self.estimator), X, y, cv=self.cv, method=method, params=fitting)
            self.estimator_ = clone(self.estimator).fit(X, y, **fitting)
            self.classes_ = np.asarray(self.estimator_.classes_)
            logits = _two_columns(logits)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, logits, ensure_non_negative=True)
        index = np.searchsorted(self.classes_, y)
        self.fit_: TemperatureFit = fit_temperature(logits, index, weights=sample_weight, confidence=self.confidence)
        self.temperature_ = 1.0 if self.fit_.status == "unidentified" else self.fit_.temperature
        return self

    @staticmethod
    def _classes(found: NDArray[Any], columns: int) -> NDArray[Any]:
        """Return the classes that the columns of logits stand for."""
        if len(found) == columns:
            return found
        if found.dtype.kind in "iuf" and np.isin(found, np.arange(columns)).all():
            return np.arange(columns, dtype=found.dtype)
        raise ValueError(
            f"y must hold {columns} classes, one for each column of logits, or integers from 0 to {columns - 1}, got "
            f"{len(found)} classes"
        )

    def _logits(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        if self.estimator_ is None:
            return _two_columns(
                validate_data(self, X, dtype=(np.float64, np.float32), ensure_all_finite=False, reset=False)
            )
        if hasattr(self.estimator_, "decision_function"):
            return _two_columns(self.estimator_.decision_function(X))
        return _two_columns(self.estimator_.predict_log_proba(X))

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return softmax(logits / T), shape (n, K), columns in the order of ``classes_``."""
        return np.asarray(softmax(self._logits(X), self.temperature_))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest class, which no temperature above 0 changes."""
        best = as_logits(self._logits(X)).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is None:
            tags.input_tags.allow_nan = False
        else:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _two_columns(scores: Any) -> NDArray[Any]:
    """Return scores as logits, one column a class."""
    z = np.asarray(scores)
    if z.ndim == 1 or z.shape[1] == 1:
        z = np.stack([np.zeros(len(z), z.dtype), z.reshape(-1)], axis=1)
    return z
