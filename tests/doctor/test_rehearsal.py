"""The first step without its arithmetic takes what the real one takes, for every method there is."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError
from davsn.core.plugins import available
from davsn.core.settings import Settings
from davsn.doctor.rehearsal import CannotRehearseError, rehearse, with_flows
from davsn.learning.method import Method, Term
from davsn.methods.da_vsn import DaVsn
from davsn.methods.mean_teacher import MeanTeacher
from davsn.methods.source_only import SourceOnly
from davsn.training import checkpoint
from toy import LABELLED, UNLABELLED, Tiny, batch, trainer_of

SIZE = (64, 96)


class SmallDaVsn(DaVsn):
    """With small judges, since their size takes most of the time."""

    Config = staticmethod(lambda: DaVsn.Config(discriminator_width=4))


def batches(method, size=SIZE):
    target = method.target and batch(1, method.target, size)
    return batch(0, method.source, size), target


class RealPeak(TorchDispatchMode):
    """The most bytes that the storages of real tensors have together, looked at after every operation."""

    def __init__(self, tensors):
        super().__init__()
        self.storages, self.most = {}, 0
        self.keep(tensors)

    def keep(self, tensors):
        for tensor in tensors:
            storage = tensor.untyped_storage()
            self.storages[storage._cdata] = torch.multiprocessing.reductions.StorageWeakRef(storage), storage.nbytes()
        self.storages = {key: (ref, size) for key, (ref, size) in self.storages.items() if not ref.expired()}
        self.most = max(self.most, sum(size for _, size in self.storages.values()))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        self.keep([tensor for tensor in torch.utils._pytree.tree_leaves(made) if isinstance(tensor, torch.Tensor)])
        return made


@pytest.mark.parametrize("name", available(Method))
def test_every_method_can_be_rehearsed(name):
    method = available(Method)[name]
    trainer = trainer_of(method)
    try:
        taken = rehearse(trainer, *batches(method))
    except CannotRehearseError:
        return  # the doctor says so; that it is no false alarm is what matters
    assert 0 < taken.checkpoint < taken.memory


@pytest.mark.parametrize("method", [SourceOnly, SmallDaVsn, MeanTeacher])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_memory_is_that_of_the_real_step(method, precision):
    trainer = trainer_of(method, precision=precision)
    wanted = rehearse(trainer, *batches(method)).memory
    pair = batches(method)
    held_now = [*trainer.parts.values(), *trainer.kept.values()]
    there = [tensor for module in held_now for tensor in module.state_dict().values()]
    with RealPeak([*there, *(tensor for made in pair if made for tensor in held(made))]) as real:
        trainer.step(*pair)
    assert wanted == pytest.approx(real.most, rel=0.02)


def held(made):
    labels = [] if made.labels is None else [made.labels]
    return [*made.frames.values(), *made.flows.values(), *made.valid.values(), *labels]


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_checkpoint_has_the_size_that_was_foreseen(tmp_path, average):
    larger = type("Larger", (SmallDaVsn,), {"Config": staticmethod(lambda: DaVsn.Config(discriminator_width=16))})
    trainer = trainer_of(larger, average=average)  # so that names and random states weigh little
    taken = rehearse(trainer, *batches(DaVsn))
    trainer.step(*batches(DaVsn))
    path = checkpoint.save(tmp_path, 1, trainer.state_dict(), keep=1)
    assert taken.checkpoint == pytest.approx(path.stat().st_size, rel=0.02)


def test_modules_that_are_kept_beside_the_parts_count_too(tmp_path):
    trainer = trainer_of(MeanTeacher)
    taken = rehearse(trainer, *batches(MeanTeacher))
    without = rehearse(trainer_of(SourceOnly), *batches(MeanTeacher))
    teacher = sum(tensor.nbytes for tensor in trainer.kept["teacher"].state_dict().values())
    assert taken.checkpoint == without.checkpoint + teacher


def test_the_trainer_is_left_as_it_is():
    records = []
    for rehearsed in (True, False):
        trainer = trainer_of(SmallDaVsn)
        if rehearsed:
            rehearse(trainer, *batches(DaVsn))
        assert trainer.done == 0
        checkpoint.seed_everything(1)
        records.append([trainer.step(*batches(DaVsn)) for _ in range(2)])
    assert records[0] == records[1]


def test_memory_grows_with_the_frames():
    trainer = trainer_of(SourceOnly)
    small, large = (rehearse(trainer, *batches(SourceOnly, size)).memory for size in ((64, 64), (128, 128)))
    assert 2 < large / small < 4.5


def test_frames_that_are_too_small_to_judge():
    with pytest.raises(
        ConfigError, match="24×16 is too small for a discriminator; frames and crops need at least 32 pixels a side"
    ):
        rehearse(trainer_of(SmallDaVsn), *batches(DaVsn, (16, 24)))


def test_what_the_step_itself_says_is_said():
    trainer = trainer_of(SourceOnly)
    small = batch(0, LABELLED, (4, 4))
    one = with_flows(type(small)({k: v[:1] for k, v in small.frames.items()}, labels=small.labels[:1]), LABELLED)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        rehearse(trainer, one, None)


class Peeking(Method):
    """A method whose step depends on the numbers, in one of several ways."""

    Config = Settings
    paper, source, target, faithful = "", ClipSpec(labels=True), None, {}
    peek = staticmethod(lambda tensor: tensor.sum().item())

    def __init__(self, config, segmenter):
        self.parts, self.segmenter = {"segmenter": segmenter}, segmenter

    def terms(self, source, target, step):
        loss = self.segmenter.image(source.current).main.mean()
        self.peek(loss.detach())
        yield Term("loss", loss)


@pytest.mark.parametrize(
    "peek",
    [
        lambda tensor: tensor.item(),
        lambda tensor: tensor.view(1).tolist(),
        lambda tensor: tensor.view(1, 1).tolist(),
        lambda tensor: tensor.numpy(),
        lambda tensor: torch.unique(tensor),
        lambda tensor: tensor.view(1)[tensor.view(1) > 0],
        lambda tensor: bool(tensor > 0),
    ],
    ids=["item", "tolist", "tolist-2d", "numpy", "unique", "mask", "bool"],
)
def test_a_step_that_looks_at_numbers_is_no_failure(monkeypatch, peek):
    monkeypatch.setattr(Peeking, "peek", staticmethod(peek))
    trainer = trainer_of(Peeking)
    try:
        taken = rehearse(trainer, batch(0, Peeking.source), None)
    except CannotRehearseError:
        return  # and nothing else
    assert taken.memory > 0


def test_flow_that_is_estimated_in_the_step_is_zeros():
    made = batch(0, ClipSpec((0, -1)), SIZE)
    whole = with_flows(made, UNLABELLED)
    assert whole.flow.shape == (2, 2, *SIZE)
    assert not whole.flow.any()
    assert with_flows(whole, UNLABELLED).flow is whole.flow


def test_a_network_with_shared_and_odd_tensors():
    trainer = trainer_of(SourceOnly)
    tiny = trainer.method.segmenter.image
    assert isinstance(tiny, Tiny)
    tiny.loose = torch.ones(1)  # neither parameter nor buffer
    tiny.aux.weight = tiny.main.weight
    assert isinstance(tiny.aux.weight, nn.Parameter)
    assert rehearse(trainer, *batches(SourceOnly)).memory > 0
