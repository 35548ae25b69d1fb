"""Preparation before the first step or frame: prints the caches, and fills them with flow."""

import torch

from davsn.core.cache import GIGABYTE
from davsn.core.console import progress, say
from davsn.data.dataset import DatasetSettings
from davsn.data.loading import Samples
from davsn.data.precompute import count_pairs, fill_ahead, needs_filling
from davsn.data.reader import store_of
from davsn.experiment.experiment import Experiment


def fill_with_progress(samples: Samples, device: torch.device, batch_size: int = 1) -> None:
    """Fill the cache with flow, if that is needed first; see :func:`davsn.data.precompute.fill_ahead`."""
    if needs_filling(samples):
        with progress(f"flow by {samples.dataset.config.flow.name}", count_pairs(samples)) as report:
            fill_ahead(samples, device, report, batch_size)


def tell_caches(experiment: Experiment) -> None:
    """Print where the data sets of an experiment cache frames or flow, and how full that folder is."""
    parts = (experiment.source, experiment.target, *experiment.validation.values())
    settings = [part.settings for part in parts if part is not None and isinstance(part.settings, DatasetSettings)]
    stores = {
        store.folder: store
        for store in map(store_of, filter(lambda config: config.cached or config.flow.cached, settings))
    }
    for place, store in stores.items():
        filled = f"{store.used() / GIGABYTE:.1f} of {store.limit / GIGABYTE:g} GB"
        say(f"Cache: {place}, {filled}; you can delete it at any time")
