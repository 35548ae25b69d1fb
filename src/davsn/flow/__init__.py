"""Optical flow. A file with a :class:`~davsn.flow.base.FlowEstimator` is an estimator of that name."""
