"""Optical flow. A file in ``estimators/`` with a :class:`~davsn.flow.estimator.FlowEstimator` is an estimator."""
