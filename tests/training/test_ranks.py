"""Two processes train as one does: the losses, all weights and all kept state after five steps, for every method.

In float32 the sums of two processes round otherwise than that of one. Adam turns this into steps of full length where a
discriminator's gradients nearly cancel. So the methods with discriminators are compared in float64.
"""

import os
from dataclasses import fields

import pytest
import torch
from torch import nn

import toy
from davsn.core import ranks
from davsn.core.clip import Batch
from davsn.core.plugins import available
from davsn.learning.method import Method
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from davsn.training.loop import Trainer, optimisation_of
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings
from processes import CONTEXT, launch_environments

METHODS = available(Method)
ADVERSARIAL = ("advent", "da_vsn")
STEPS, SAMPLES = 5, 4
SHARES = torch.tensor([0.5, 0.3, 0.2])


class Sure(toy.Tiny):
    """The tiny network without dropout, whose draws differ between one process and two."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Identity()


def joined(parts):
    """The same field of several batches as that of one."""
    if isinstance(parts[0], dict):
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(parts)
    return None if parts[0] is None else tuple(text for part in parts for text in part)


def loaded(step, spec):
    """Four samples, of which the first two have few labelled pixels."""
    made = [toy.batch(10 * step + half, spec) for half in range(SAMPLES // 2)]
    whole = Batch(*(joined([getattr(each, field.name) for each in made]) for field in fields(Batch)))
    if whole.labels is not None:
        whole.labels[:2, 10:] = 255
    return whole


def own(batch):
    """The samples of a batch that belong to this rank."""
    return batch.split(ranks.world())[ranks.rank()]


def trained(name):
    """What five steps of a method leave: the losses, and everything that a checkpoint holds."""
    kind = METHODS[name]
    config = toy.config_of(kind)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if name in ADVERSARIAL else torch.float32)
    try:
        checkpoint.seed_everything(0)
        method, training = kind(config, VideoSegmenter(Sure(), "warp")), TrainingSettings(steps=STEPS, average=0.9)
        optimisation = optimisation_of(method, OptimiserSettings(learning_rate=0.01), training)
        trainer = Trainer(method, optimisation, training, torch.device("cpu"))
        trainer.prepare(SHARES)
        records = []
        for step in range(STEPS):
            pair = [spec and own(loaded(step, spec)) for spec in kind.clips(config)]
            records.append({key: ranks.mean(torch.as_tensor(value)) for key, value in trainer.step(*pair).items()})
        return toy.leaves({"records": records, **trainer.state_dict()})
    finally:
        torch.set_default_dtype(before)


def leave(folder, environment):
    """What each of two processes does: train every method, and write the result of rank 0."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    with ranks.joined():
        for name in METHODS:
            result = trained(name)
            if ranks.rank() == 0:
                torch.save(result, folder / f"{name}.pt")


@pytest.fixture(scope="module")
def by_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    processes = [CONTEXT.Process(target=leave, args=(folder, each)) for each in launch_environments(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0, 0]
    return {name: torch.load(folder / f"{name}.pt", weights_only=True) for name in METHODS}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.xdist_group("two processes")
def test_two_processes_train_as_one(by_two, name):
    ours, alone = by_two[name], trained(name)
    assert ours.keys() == alone.keys()
    for key, value in alone.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            torch.testing.assert_close(ours[key], value, rtol=0, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}")
        else:
            assert toy.same(ours[key], value), key
