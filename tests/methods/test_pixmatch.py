"""PixMatch against a slow literal version, and each of its changes of a clip by hand."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from davsn.core.clip import Batch
from davsn.learning.geometry import Geometry, draw_geometry
from davsn.methods.pixmatch import PixMatch
from davsn.networks.video import VideoSegmenter
from davsn.ops.pictures import with_low_frequencies
from davsn.ops.pseudo_labels import PseudoLabels
from davsn.ops.warp import warp
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, batch

NAMES = ("augmented", "fourier", "cutmix")


def made(**settings):
    torch.manual_seed(0)
    return PixMatch(PixMatch.Config(**settings), VideoSegmenter(Tiny()).eval())


def pair():
    return batch(0, LABELLED), batch(0, UNLABELLED)


def full(maps):
    return interpolate(maps, (40, 48), mode="bilinear", align_corners=True)


@pytest.mark.parametrize("name", NAMES)
def test_each_loss_and_its_gradient_are_those_of_the_literal_version(name):
    method = made(**{**dict.fromkeys(NAMES, 0.0), name: 0.5, "threshold": 0.4, "aux_weight": 0.2})
    source, target = pair()
    change = {"augmented": "augment", "fourier": "relight", "cutmix": "cut_in"}[name]
    clip, labels = given = getattr(method, change)(source, target, method.pseudo_labels(target))
    setattr(method, change, lambda *_: given)  # the same draw for both versions
    _, terms = method.terms(source, target, 0)
    assert [(term.name, term.weight) for term in terms] == [(f"{name}/main", 0.5), (f"{name}/aux", 0.1)]
    parameters = list(method.segmenter.parameters())
    seen = method.segmenter(clip.current, clip.previous, clip.flow).fused
    for term, level, told in zip(terms, seen, (labels.main, labels.aux), strict=True):
        found = torch.autograd.grad(term.loss, parameters, allow_unused=True, retain_graph=True)
        logits, total, counted = full(level), torch.zeros(()), 0
        for sample, row, column in np.ndindex(2, 40, 48):
            if told[sample, row, column] < CLASSES:
                total = total - logits[sample, :, row, column].log_softmax(0)[told[sample, row, column]]
                counted += 1
        assert counted > 0
        torch.testing.assert_close(term.loss, total / counted)
        expected = torch.autograd.grad(total / counted, parameters, allow_unused=True, retain_graph=True)
        for one, other in zip(found, expected, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_change_of_weight_0_costs_no_pass():
    passes = []
    method = made(fourier=0.0, cutmix=0.0)
    method.segmenter.register_forward_hook(lambda *_: passes.append(1))
    assert [together[0].name for together in method.terms(*pair(), 0)] == ["segmentation/main", "augmented/main"]
    assert len(passes) == 3  # source, clean target, augmented target


def test_it_labels_the_clip_as_it_is_and_the_auxiliary_classifier_by_the_mean_of_both():
    method = made(threshold=0.4)
    _, target = pair()
    fused = method.segmenter(*target.seen).fused
    main, aux = full(fused.main).softmax(1), full(fused.aux).softmax(1)
    found = method.pseudo_labels(target)
    sure = main.amax(1) > 0.4
    assert 0 < sure.float().mean() < 1
    assert found.main[sure].equal(main.argmax(1)[sure])
    assert found.main[~sure].eq(255).all()
    either = sure | (aux.amax(1) > 0.4)
    assert found.aux[either].equal(((main + aux) / 2).argmax(1)[either])
    assert found.aux[~either].eq(255).all()
    assert found.trusted.eq(1).all()
    assert not made().pseudo_labels(target).main.eq(255).any()


def test_a_box_of_the_source_moves_with_the_source_and_has_its_labels():
    method = made()
    source, target = pair()
    source.flows[0, -1][:] = 0.0
    source.flows[0, -1][:, 0] = 2.0
    clip, labels = method.cut_in(source, target, method.pseudo_labels(target))
    box = (clip.current == source.current).all(1)
    rows, columns = box[0].any(1).nonzero().flatten(), box[0].any(0).nonzero().flatten()
    assert box[0].sum() == len(rows) * len(columns)
    assert labels.main[box].equal(source.labels[box])
    assert labels.main[~box].equal(method.pseudo_labels(target).main[~box])
    before = (clip.previous == source.previous).all(1)
    inside = before[:, :, 2:] & box[:, :, :-2]
    assert inside.equal(box[:, :, :-2])


class TestGeometry:
    SHIFT = Batch(
        {0: (ramp := torch.arange(24.0).expand(1, 3, 16, 24) / 40), -1: ramp + 2 / 40},
        {(0, -1): torch.tensor([-2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 16, 24)},
    )
    """What is at x in the current frame was at x − 2 in the previous one."""

    @pytest.mark.parametrize("mirrored", [False, True])
    def test_the_flow_of_a_changed_clip_finds_what_it_found(self, mirrored):
        changed = Geometry(slice(2, 10), slice(5, 23), mirrored).clip(self.SHIFT)
        fetched, known = warp(changed.previous, changed.flow)
        assert 0.7 < known.float().mean() < 1
        difference = (fetched - changed.current).abs().amax(1)[known]
        assert difference.max() < 0.1 * 2 / 40  # a tenth of the motion; its size is scaled by pixels, not by their gaps
        direction = 1.0 if mirrored else -1.0
        assert changed.flow[0, 0].flatten().tolist() == pytest.approx([direction * 2 * 24 / 18] * 16 * 24)
        wrong, _ = warp(changed.previous, -changed.flow)
        assert (wrong - changed.current).abs().amax(1)[known].max() > 2 / 40

    def test_labels_go_where_their_pixels_go(self):
        maps = torch.tensor([[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]])
        assert Geometry(slice(0, 3), slice(0, 4), False).pixels(maps).equal(maps)
        assert Geometry(slice(0, 3), slice(0, 4), True).pixels(maps).equal(maps.flip(-1))
        part = Geometry(slice(1, 3), slice(1, 3), False).pixels(maps)
        assert part.tolist() == [[[5, 5, 6, 6], [5, 5, 6, 6], [9, 9, 10, 10]]]
        frame = maps[:, None].expand(-1, 3, -1, -1).float()
        seen = Geometry(slice(1, 3), slice(1, 3), True).clip(Batch({0: frame})).current
        assert seen[0, 0, 0].tolist() == pytest.approx([6, 5 + 2 / 3, 5 + 1 / 3, 5])

    def test_draws(self):
        torch.manual_seed(0)
        draws = [draw_geometry((40, 60)) for _ in range(200)]
        shares = [(d.rows.stop - d.rows.start) * (d.columns.stop - d.columns.start) / 2400 for d in draws]
        assert 0.15 < min(shares) < 0.35
        assert max(shares) > 0.8
        assert 60 < sum(draw.mirrored for draw in draws) < 140


class TestLowFrequencies:
    @pytest.mark.parametrize("size", [(12, 16), (11, 13)])
    @pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
    def test_they_are_those_of_the_literal_version(self, size, share):
        torch.manual_seed(0)
        pictures, reference = 0.3 + 0.4 * torch.rand(2, 3, *size), 0.3 + 0.4 * torch.rand(2, 3, *size)
        found = with_low_frequencies(pictures, reference, share)
        reach = int(share * min(size))
        for ours, theirs, result in zip(
            pictures.flatten(0, 1), reference.flatten(0, 1), found.flatten(0, 1), strict=True
        ):
            one, other = (np.fft.fft2(each.double().numpy()) for each in (ours, theirs))
            for row, column in np.ndindex(*size):
                if min(row, size[0] - row) <= reach and min(column, size[1] - column) <= reach:
                    one[row, column] = abs(other[row, column]) * np.exp(1j * np.angle(one[row, column]))
            back = np.fft.ifft2(one)
            assert abs(back.imag).max() < 1e-9
            np.testing.assert_allclose(result, back.real.clip(0, 1), atol=1e-5)

    def test_without_reach_the_mean_colour_is_the_references(self):
        pictures, reference = torch.full((1, 3, 8, 8), 0.25), torch.rand(1, 3, 8, 8)
        found = with_low_frequencies(pictures, reference, 0.0)
        torch.testing.assert_close(found, reference.mean((2, 3), keepdim=True).expand_as(found))

    def test_under_autocast(self):
        with torch.autocast("cpu", torch.bfloat16):
            assert with_low_frequencies(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), 0.2).dtype == torch.float32


def test_relighting_takes_the_frame_of_the_same_time():
    method = made()
    source, target = pair()
    clip, labels = method.relight(source, target, given := PseudoLabels(*method.pseudo_labels(target)))
    assert labels is given
    for offset in (0, -1):
        assert clip.frames[offset].equal(with_low_frequencies(target.frames[offset], source.frames[offset], 0.01))
    assert clip.flow is target.flow
