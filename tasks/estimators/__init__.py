"""From a declared candidate to a scikit-learn pipeline that can be fitted, scored and saved.

`candidates` tells which estimators may be used, `pipelines` puts the preparation of the columns
before them, `category_counts` fits that fast, `fitting` fits and predicts.
"""

from tasks.estimators.candidates import build_estimator, default_candidates, resolve_estimator
from tasks.estimators.category_counts import fit_columns
from tasks.estimators.fitting import (
    Handling,
    as_outcomes,
    as_predictions,
    convergence_messages,
    few_threads,
    fit_estimator,
    fit_pipeline,
    imbalance_handling,
    predict,
)
from tasks.estimators.pipelines import (
    MISSING_CATEGORY,
    Preparation,
    build_pipeline,
    feature_frame,
    preparation_of,
)

__all__ = [
    "MISSING_CATEGORY",
    "Handling",
    "Preparation",
    "as_outcomes",
    "as_predictions",
    "build_estimator",
    "build_pipeline",
    "convergence_messages",
    "default_candidates",
    "feature_frame",
    "few_threads",
    "fit_columns",
    "fit_estimator",
    "fit_pipeline",
    "imbalance_handling",
    "predict",
    "preparation_of",
    "resolve_estimator",
]
