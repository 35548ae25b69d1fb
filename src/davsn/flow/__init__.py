"""Optical flow. A file with a :class:`~davsn.flow.estimator.FlowEstimator` is an estimator of that name."""
