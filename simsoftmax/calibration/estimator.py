"""Temperature scaling as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    has_fit_parameter,
    validate_data,
)

from ..arguments import Reals, as_logits, check_order
from ..boltzmann import softmax
from .fit import TemperatureFit, fit_temperature
from .stream import TemperatureStream

__all__ = ["TemperatureScaler"]


def _needs_no_folds(scaler: TemperatureScaler) -> bool:
    """Return whether the scores of a row are held out without a look at other rows."""
    return scaler.estimator is None or isinstance(scaler.estimator, FrozenEstimator)


class TemperatureScaler(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Turn logits, or any classifier that gives decision scores, into calibrated probabilities softmax(logits / T).

    Parameters
    ----------
    estimator : classifier, optional
        Without one, ``X`` holds the logits themselves, a column for each class in sorted order, and should be rows
        that the model behind them was not trained on. With one, its cross-validated scores (``decision_function``, or
        for lack of it the logarithm of ``predict_proba``) are the logits that T is fitted to, and then it is fitted
        to all rows. Wrap a trained classifier in `sklearn.frozen.FrozenEstimator` to leave it as it is; its rows may
        lack some of its classes.
    cv : int or cross-validation generator, optional
        How rows are held out. Not used without an estimator.
    confidence_level : float, optional
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
    stream_ : TemperatureStream
        What `partial_fit` keeps of the rows.

    See Also
    --------
    fit_temperature : The temperature that makes a classifier honest.
    sklearn.calibration.CalibratedClassifierCV : Temperature scaling and others around a classifier.

    Notes
    -----
    A single column of scores, as a two-class ``decision_function`` gives, is the logit of the second class against
    the first.

    Trees, forests and neighbours give probabilities of exactly 0, which no temperature changes and which make the
    likelihood 0 where one belongs to a label. Such a 0 is taken for the rounding unit of float64, 2.2e-16, as
    scikit-learn's own temperature scaling does, or for the row's least probability above 0 if that is lower. Where X
    holds the logits, -inf is left as it is.

    A class that the training rows of a fold lack has no scores there: its rows in that fold are left out of the fit of
    the temperature, with a warning that names it.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 4.0], [0.0, 2.0]])
    >>> scaler = TemperatureScaler().fit(logits, [0, 1, 1, 1, 0])
    >>> scaler.predict_proba(logits).shape
    (5, 2)
    """

    stream_: TemperatureStream

    def __init__(self, estimator: Any = None, *, cv: Any = 5, confidence_level: float = 0.95) -> None:
        self.estimator = estimator
        self.cv = cv
        self.confidence_level = confidence_level

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> TemperatureScaler:
        """Fit the temperature, and the classifier where there is one.

        Parameters
        ----------
        X : array_like, shape (n, K), (n, 1) or what the estimator takes
        y : array_like, shape (n,)
            True classes.
        sample_weight : array_like, shape (n,), optional
            Weights of the rows in the fit of the temperature, and of the estimator where it takes any.
        groups : array_like, shape (n,), optional
            Groups of the rows, for a ``cv`` that keeps them together.

        Returns
        -------
        TemperatureScaler

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or shape; if the estimator gives no score for each class, or scores
            whose largest is not its prediction.

        Warns
        -----
        ConvergenceWarning
            If T is 0 or infinite, so that every prediction is certain or none is better than chance.
        UserWarning
            If the estimator takes no weights, or a fold's training rows lack a class.
        """
        check_classification_targets(y)
        if self.estimator is None:
            self.estimator_: Any = None
            names = X
            X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), ensure_all_finite=False)
            self.classes_ = self._classes(np.unique(y), max(2, X.shape[1]))
            check_order("X", names, self.classes_.tolist())
            logits, index = _two_columns(X), np.searchsorted(self.classes_, y)
        else:
            y = column_or_1d(y, warn=True)
            validate_data(self, X, y, skip_check_array=True)
            logits, index = self._fit_estimator(X, y, sample_weight, groups)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, logits, ensure_non_negative=True)
        if (index < 0).any():  # rows whose class the model that scored them had never seen
            scored = index >= 0
            if not scored.any():
                raise ValueError(
                    "cv must leave rows of every class in the training rows, got folds that hold whole classes; "
                    "shuffle the rows"
                )
            logits, index = logits[scored], index[scored]
            sample_weight = None if sample_weight is None else sample_weight[scored]
        if hasattr(self, "stream_"):
            del self.stream_
        return self._report(
            fit_temperature(logits, index, weights=sample_weight, confidence_level=self.confidence_level)
        )

    @available_if(_needs_no_folds)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> TemperatureScaler:
        """Fit the temperature to one more block of rows, beside all that came before; none are kept.

        What is kept is some thousand numbers (`simsoftmax.calibration.stream`), so the rows may be more than any memory
        holds. Their order and their blocks do not matter, and the temperature is that of `fit` on all rows at once, to
        1e-9 of itself; the report says how near it is. A block takes as long as 61 passes of `fit`. Temperatures are
        looked for from 1/32 to 32. Weights keep their unit from block to block.

        `fit` begins anew, and so does the first call after it.

        Parameters
        ----------
        X : array_like, shape (n, K), (n, 1) or what the frozen estimator takes
        y : array_like, shape (n,)
            True classes.
        classes : array_like, shape (K,), optional
            All classes, in the first call; by default integers from 0, a column each. Not needed with an estimator.
        sample_weight : array_like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        TemperatureScaler

        Raises
        ------
        AttributeError
            If there is an estimator that is not frozen: held-out scores need all rows.
        TypeError, ValueError
            If an argument is of the wrong kind or shape, or a class is new.

        Warns
        -----
        ConvergenceWarning
            If T is 0 or infinite, or lies beyond the temperatures that are looked at.

        Examples
        --------
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> scaler = TemperatureScaler()
        >>> for _ in range(3):
        ...     logits = 3 * rng.normal(size=(500, 4))
        ...     scaler = scaler.partial_fit(logits, (logits / 2 + rng.gumbel(size=(500, 4))).argmax(axis=1))
        >>> scaler.fit_.rows
        1500
        """
        check_classification_targets(y)
        first = not hasattr(self, "stream_")
        names = X
        if self.estimator is None:
            X, y = validate_data(self, X, y, reset=first, dtype=(np.float64, np.float32), ensure_all_finite=False)
            logits = _two_columns(X)
        else:
            y = column_or_1d(y, warn=True)
            validate_data(self, X, y, reset=first, skip_check_array=True)
            logits = _scores(self.estimator, X)
        known = self.classes_ if not first else self._all_classes(classes, logits.shape[1])
        if self.estimator is None:
            check_order("X", names, known.tolist())
        if not first and classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError(f"classes must be those of the first call, {known.tolist()}, got {list(classes)}")
        unknown = np.setdiff1d(y, known)
        if unknown.size:
            raise ValueError(
                f"y must hold classes that were named in the first call of partial_fit, got {_name(unknown[0])}; pass "
                f"classes=... with a class for each of the {logits.shape[1]} columns of logits"
            )
        stream = TemperatureStream() if first else self.stream_
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, logits, ensure_non_negative=True)
        stream.add(logits, np.searchsorted(known, y), sample_weight)
        self.estimator_, self.classes_, self.stream_ = self.estimator, known, stream
        return self._report(stream.fit(self.confidence_level))

    def _all_classes(self, classes: Any, columns: int) -> NDArray[Any]:
        """Return the classes of a first call of partial_fit, one for each column of logits."""
        if self.estimator is not None:
            return np.asarray(self.estimator.classes_)
        return np.arange(columns) if classes is None else self._classes(np.unique(classes), columns)

    def _report(self, fit: TemperatureFit) -> TemperatureScaler:
        """Keep what a fit found, and warn where it found no plain temperature."""
        self.fit_: TemperatureFit = fit
        self.temperature_ = 1.0 if fit.status == "unidentified" else fit.temperature
        if fit.status in ("zero", "infinite"):
            effect = "certain" if self.temperature_ == 0 else "the same for all classes"
            warnings.warn(
                f"the fitted temperature_ is {self.temperature_:g}, so every predicted probability is {effect}: "
                f"{fit.reason}; calibrate with more rows, or ones that the model was not trained on",
                ConvergenceWarning,
                stacklevel=3,
            )
        elif fit.status == "beyond":
            warnings.warn(f"the fitted temperature_ is but a limit: {fit.reason}", ConvergenceWarning, stacklevel=3)
        return self

    def _fit_estimator(
        self, X: Any, y: NDArray[Any], sample_weight: Any, groups: Any
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Fit the classifier; return held-out logits and the labels' columns, -1 where a label has none."""
        _method(self.estimator)
        frozen = isinstance(self.estimator, FrozenEstimator)
        fitting = {}
        if sample_weight is not None and not frozen:
            if has_fit_parameter(self.estimator, "sample_weight"):
                fitting["sample_weight"] = sample_weight
            else:
                name = type(self.estimator).__name__
                warnings.warn(
                    f"sample_weight is used in the fit of the temperature alone, for {name}.fit does not take it; "
                    "weigh the rows of the classifier by its own means, or pass a classifier that takes weights",
                    UserWarning,
                    stacklevel=3,
                )
        folds = [] if frozen else list(check_cv(self.cv, y, classifier=True).split(X, y, groups))
        self.estimator_ = clone(self.estimator).fit(X, y, **fitting)
        self.classes_ = np.asarray(self.estimator_.classes_)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least two classes, got 1 class, {_name(self.classes_[0])}; pass rows of others"
            )
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            raise ValueError(
                f"y must hold classes that the estimator knows, got {_name(unknown[0])}; leave such rows out"
            )
        scores = _scores(self.estimator_, X)
        self._check_scores(scores, X)
        index = np.searchsorted(self.classes_, y)
        if frozen:
            return scores, index
        lacking = [np.setdiff1d(self.classes_, y[train]) for train, _ in folds]
        if not any(lack.size for lack in lacking):
            method = _method(self.estimator)
            with np.errstate(divide="ignore"):
                logits = cross_val_predict(clone(self.estimator), X, y, cv=folds, method=method, params=fitting)
                return _floored(np.log(logits) if method == "predict_proba" else logits, method), index
        logits = np.full(scores.shape, -np.inf)
        for fold, ((train, test), lack) in enumerate(zip(folds, lacking, strict=True)):
            if lack.size >= len(self.classes_) - 1:
                raise ValueError(
                    "cv must leave at least two classes in the training rows, got only "
                    f"{_name(y[train][0])} in fold {fold}; shuffle the rows, or pass fewer folds"
                )
            part = {name: _safe_indexing(value, train) for name, value in fitting.items()}
            model = clone(self.estimator).fit(_safe_indexing(X, train), y[train], **part)
            columns = np.searchsorted(self.classes_, model.classes_)
            logits[np.ix_(test, columns)] = _scores(model, _safe_indexing(X, test))
            out = test[np.isin(y[test], lack)]
            index[out] = -1
            if out.size:
                warnings.warn(
                    f"the training rows of fold {fold} of cv lack the class {_name(lack[0])}, so {out.size} rows are "
                    "left out of the fit of the temperature; shuffle the rows, or pass fewer folds",
                    UserWarning,
                    stacklevel=3,
                )
        return logits, index

    def _check_scores(self, scores: NDArray[Any], X: Any) -> None:
        """Refuse scores that do not stand for the classes: their number, and which is the largest."""
        name, levels = type(self.estimator).__name__, len(self.classes_)
        remedy = "pass one that gives a score for each class, such as SVC(decision_function_shape='ovr')"
        if scores.ndim != 2 or scores.shape[1] != levels:
            raise ValueError(
                f"estimator must give {levels} scores a row, one for each class, got shape {scores.shape} from {name}; "
                + remedy
            )
        if levels > 2:  # some break ties otherwise, so a few may differ
            same = np.mean(self.classes_[scores.argmax(axis=1)] == self.estimator_.predict(X))
            if same < 0.9:
                raise ValueError(
                    f"estimator must predict the class of its largest score, got {name}, which does so for "
                    f"{100 * same:.0f} % of the rows; {remedy}"
                )

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
        return _scores(self.estimator_, X)

    def predict_proba(self, X: Reals) -> NDArray[Any]:
        """Return softmax(logits / T), shape (n, K), columns in the order of ``classes_``."""
        return np.asarray(softmax(self._logits(X), self.temperature_))

    def predict(self, X: Reals) -> NDArray[Any]:
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


def _name(label: Any) -> str:
    """Return a class as it is written, without the name of NumPy's type."""
    return repr(label.item() if isinstance(label, np.generic) else label)


def _method(estimator: Any) -> str:
    """Return the name of the method that gives scores."""
    for method in ("decision_function", "predict_log_proba", "predict_proba"):
        if hasattr(estimator, method):
            return method
    raise TypeError(
        f"estimator must have decision_function, predict_log_proba or predict_proba, got {type(estimator).__name__}; "
        "pass a classifier that gives scores"
    )


def _scores(estimator: Any, X: Any) -> NDArray[Any]:
    """Return a fitted classifier's scores as logits, one column a class."""
    method = _method(estimator)
    with np.errstate(divide="ignore"):
        scores = getattr(estimator, method)(X)
        return _floored(np.log(scores) if method == "predict_proba" else scores, method)


def _floored(scores: Any, method: str) -> NDArray[Any]:
    """Return scores in two columns or more; probabilities of 0 become as small as what is counted as nothing."""
    z = _two_columns(scores)
    if method == "decision_function" or not np.isneginf(z).any():
        return z
    least = np.where(np.isneginf(z), 0.0, z).min(axis=1, keepdims=True)
    return np.where(np.isneginf(z), np.minimum(least, np.log(np.finfo(np.float64).eps)), z)


def _two_columns(scores: Any) -> NDArray[Any]:
    """Return scores as logits, one column a class."""
    z = np.asarray(scores)
    if z.ndim == 1 or z.shape[1] == 1:
        z = np.stack([np.zeros(len(z), z.dtype), z.reshape(-1)], axis=1)
    return z
