import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from colour_network import TAXONOMY, colour_segmenter
from davsn.core.clip import Batch, ClipSpec
from davsn.core.plugins import available
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.loading import evaluation_batches
from davsn.data.samples import Samples
from davsn.data.sets.folder import Folder
from davsn.scoring.evaluation import evaluate
from davsn.scoring.measures import Measures, build_metric, chosen_metric, chosen_metrics
from davsn.scoring.metric import Metric
from davsn.scoring.protocols import UNIFIED
from davsn.scoring.uncertainty import total
from davsn.training.selection import label_free


def picture(ids):
    """(1, 3, H, W): pure red, green and blue for the ids 0, 1, 2."""
    return torch.nn.functional.one_hot(torch.as_tensor(ids), 3).permute(2, 0, 1)[None].float()


def batch(ids, previous, name, labels=None, flow=None, valid=None):
    height, width = len(ids), len(ids[0])
    return Batch(
        {0: picture(ids), -1: picture(previous)},
        {(0, -1): torch.zeros(1, 2, height, width) if flow is None else flow},
        {} if valid is None else {(0, -1): valid},
        None if labels is None else torch.as_tensor(labels)[None],
        (name,),
    )


A = [[0, 0, 1], [0, 1, 2]]
B = [[0, 0, 0], [1, 1, 2]]
C = [[2, 2, 2], [1, 1, 2]]


def test_scores_are_those_of_the_pixels():
    scores = evaluate(colour_segmenter(), [batch(A, A, "clip/0", labels=[[0, 0, 0], [255, 1, 2]])], TAXONOMY)
    assert scores.counts == ((2, 1, 0), (0, 1, 0), (0, 0, 1))
    assert scores.frames == 1
    assert scores.seconds > 0
    assert scores.temporal_consistency is None


def test_a_network_of_single_frames_is_scored_on_single_frames():
    given = [replace(batch(ids, A, f"clip/{n}", labels=A), flows={}) for n, ids in enumerate((A, B))]
    alone = [replace(one, frames={0: one.current}) for one in given]
    single = colour_segmenter(propagation="none")
    scores = evaluate(single, alone, TAXONOMY)
    assert (
        scores.counts
        == evaluate(colour_segmenter(), [batch(i, A, "clip/0", labels=A) for i in (A, B)], TAXONOMY).counts
    )
    assert scores.temporal_consistency is None
    assert label_free(single, alone)["information"] > 0
    with pytest.raises(AssertionError, match="a video network needs the flow"):
        evaluate(colour_segmenter(), alone, TAXONOMY)


def test_labels_keep_their_own_size():
    labels = torch.as_tensor([[0, 2]]).repeat_interleave(5, 0).repeat_interleave(4, 1).tolist()
    scores = evaluate(
        colour_segmenter(), [batch([[0, 2], [0, 2]], [[0, 2], [0, 2]], "clip/0", labels=labels)], TAXONOMY
    )
    assert sum(map(sum, scores.counts)) == 5 * 8
    assert scores.miou == 100.0


def test_consistency_compares_neighbours_only():
    frames = [batch(A, A, "x/0"), batch(B, A, "x/1")]
    # at t: 0 0 0 1 1 2 against 0 0 1 0 1 2: class 0 2/4, class 1 1/3, class 2 1/1
    expected = (2 / 4 + 1 / 3 + 1) / 3 * 100
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency == pytest.approx(expected)


@pytest.mark.parametrize(
    "frames",
    [
        [batch(A, A, "x/0"), batch(A, A, "y/0")],
        [batch(A, A, "x/0"), batch(B, C, "x/2")],
        [batch(A, A, "x/0")],
    ],
    ids=["another clip", "a gap between them", "one frame"],
)
def test_samples_that_are_no_neighbours_have_no_consistency(frames):
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency is None


def test_consistency_is_summed_over_the_set_and_not_averaged():
    frames = [batch(A, A, "x/0"), batch(B, A, "x/1"), batch(C, B, "x/2"), batch(C, C, "y/0"), batch(C, C, "y/1")]
    # the pairs A→B, B→C and C→C in one matrix
    pairs = [(A, B), (B, C), (C, C)]
    hits, union = [0] * 3, [0] * 3
    for before, after in pairs:
        flat = list(zip(before[0] + before[1], after[0] + after[1], strict=True))
        for index in range(3):
            hits[index] += sum(p == q == index for p, q in flat)
            union[index] += sum(index in (p, q) for p, q in flat)
    expected = sum(h / u for h, u in zip(hits, union, strict=True)) / 3 * 100
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency == pytest.approx(expected)


def test_with_a_stride_the_previous_frame_is_further_back():
    frames = [batch(A, A, "x/0"), batch(C, C, "x/1"), batch(B, A, "x/2"), batch(C, C, "x/3")]
    pairs = [frames[0], frames[2]]
    assert evaluate(colour_segmenter(), frames[:3], TAXONOMY).temporal_consistency == pytest.approx(
        evaluate(colour_segmenter(), pairs, TAXONOMY).temporal_consistency
    )


def test_consistency_on_a_real_folder(tmp_path):
    """What the loader gives as the previous frame is bit for bit what it gave as the current one before."""
    random = np.random.default_rng(0)
    for clip in ("a", "b"):
        (tmp_path / clip).mkdir()
        for number in range(3):
            Image.fromarray(random.integers(0, 255, (20, 30, 3), np.uint8)).save(tmp_path / clip / f"{number}.jpg")
    dataset = Folder(Folder.Config(root=tmp_path, size=(24, 16), flow="zero", missing="repeat"))
    batches = list(evaluation_batches(Samples(dataset, ClipSpec((0, -1), ((0, -1),)))))
    assert [one.names for one in batches[:2]] == [("a/0",), ("a/1",)]
    matched = [evaluate(colour_segmenter(), batches[n : n + 2], TAXONOMY).temporal_consistency for n in range(5)]
    assert [value is not None for value in matched] == [True, True, False, True, True]


@settings(deadline=None, max_examples=20)
@given(st.integers(-3, 3), st.integers(-2, 2), st.integers(0, 10**6))
def test_a_whole_pixel_shift_followed_by_its_flow_is_consistent(dx, dy, seed):
    # what leaves the frame on one side comes in on the other: only the pixels whose source lies inside are counted
    world = torch.randint(3, (6, 9), generator=torch.Generator().manual_seed(seed))
    moved = world.roll((-dy, -dx), (0, 1))  # content at p is at p + (dx, dy) in the previous frame
    flow = torch.tensor([dx, dy]).float().view(1, 2, 1, 1).expand(1, 2, 6, 9)
    frames = [batch(world.tolist(), world.tolist(), "x/0"), batch(moved.tolist(), world.tolist(), "x/1", flow=flow)]
    # fused with identity weights, the network answers with the current frame alone
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency == 100.0


def test_consistency_takes_the_nearest_pixel():
    flow = torch.full((1, 2, 2, 3), 0.4)
    frames = [batch(A, A, "x/0"), batch(A, A, "x/1", flow=flow)]
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency == 100.0


def test_untrusted_flow_is_left_out_of_consistency():
    valid = torch.tensor([[[True, True, False], [False, True, True]]])
    frames = [batch(A, A, "x/0"), batch(B, A, "x/1", valid=valid)]
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency == 100.0


def test_flow_of_another_resolution_is_scaled():
    world = [[0, 1, 2, 1, 0, 2, 2, 0]] * 4
    moved = [row[2:] + row[:2] for row in world]
    flow = torch.zeros(1, 2, 2, 4)
    flow[:, 0] = 1.0  # two pixels at full size
    frames = [batch(world, world, "x/0"), batch(moved, world, "x/1", flow=flow)]
    assert evaluate(colour_segmenter(), frames, TAXONOMY).temporal_consistency == 100.0


def test_unlabelled_frames_count_for_consistency_and_in_no_iou():
    frames, done = [batch(A, A, "x/0"), batch(B, A, "x/1", labels=B)], []
    scores = evaluate(colour_segmenter(), frames, TAXONOMY, predicted=lambda batch, _: done.extend(batch.names))
    assert done == ["x/0", "x/1"]
    assert scores.frames == 2
    assert sum(map(sum, scores.counts)) == 6
    assert scores.temporal_consistency is not None


def test_several_samples_in_a_batch_score_the_same():
    one, two = batch(A, A, "x/0", labels=A), batch(B, A, "x/1", labels=A)
    both = Batch(
        {offset: torch.cat([one.frames[offset], two.frames[offset]]) for offset in (0, -1)},
        {(0, -1): torch.cat([one.flow, two.flow])},
        {},
        torch.cat([one.labels, two.labels]),
        one.names + two.names,
    )
    apart, together = evaluate(colour_segmenter(), [one, two], TAXONOMY), evaluate(colour_segmenter(), [both], TAXONOMY)
    assert apart.counts == together.counts
    assert apart.temporal_consistency == together.temporal_consistency


def test_unscored_classes_are_left_out_of_both_means():
    taxonomy = Taxonomy(TAXONOMY.names, TAXONOMY.colours, frozenset({"green"}))
    scores = evaluate(colour_segmenter(), [batch(A, A, "x/0", labels=B), batch(B, A, "x/1", labels=B)], taxonomy)
    assert scores.temporal_consistency == pytest.approx((2 / 4 + 1) / 2 * 100)
    assert scores.exact_miou == pytest.approx((5 / 6 * 0 + (2 + 3) / 7 + 1) / 2 * 100)


def test_the_mode_of_every_module_is_put_back_and_nothing_is_learned():
    network = colour_segmenter().train()
    network.fusion.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    evaluate(network, [batch(A, A, "x/0", labels=A)], TAXONOMY)
    assert network.training
    assert network.image.norm.training
    assert not network.fusion.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_mode_is_put_back_after_a_failure():
    network = colour_segmenter().train()
    with pytest.raises(ValueError, match="but the prediction has"):
        evaluate(network, [Batch(batch(A, A, "").frames, batch(A, A, "").flows, {}, torch.zeros(2, 4, 4))], TAXONOMY)
    assert network.training


def test_bf16_scores():
    scores = evaluate(colour_segmenter(), [batch(A, A, "x/0", labels=A)], TAXONOMY, precision="bf16")
    assert scores.miou == 100.0


# metrics


def measured(*metrics, **more):
    return Measures(chosen_metrics(metrics), **more)


def test_metrics_that_are_asked_for_change_no_other_score():
    frames = [batch(A, A, "x/0", labels=A), batch(B, A, "x/1", labels=C), batch(C, B, "x/2")]
    plain = evaluate(colour_segmenter(), frames, TAXONOMY)
    full = evaluate(colour_segmenter(), frames, TAXONOMY, measures=Measures(full=True))
    assert set(plain.metrics) == {"miou", "consistency"}
    assert set(full.metrics) == set(available(Metric))
    assert (full.counts, full.miou, full.temporal_consistency) == (plain.counts, plain.miou, plain.temporal_consistency)
    assert full.metrics["miou"].values == {"mIoU": plain.exact_miou}
    assert full.metrics["miou"].classes["IoU"] == pytest.approx(
        {name: value * 100 for name, value in plain.iou.items()}
    )
    assert full.metrics["consistency"].headline == plain.temporal_consistency
    assert full.metrics["calibration"].values["accuracy"] == pytest.approx(plain.pixel_accuracy)


def test_the_counts_of_clips_add_up():
    frames = [batch(A, A, "x/0", labels=A), batch(B, A, "x/1", labels=C), batch(C, B, "y/0", labels=A)]
    both, x, y = (
        evaluate(colour_segmenter(), some, TAXONOMY, measures=Measures(full=True)).metrics
        for some in (frames, frames[:2], frames[2:])
    )
    for name in ("miou", "regions", "object_size", "confusion", "calibration"):
        apart = {**x[name].counts(), **y[name].counts()}
        metric = build_metric(chosen_metric(name), TAXONOMY)
        assert metric.values(total(apart)) == pytest.approx(dict(both[name].values), nan_ok=True)
    assert set(both["miou"].clips) == {"x", "y"}
    assert set(both["flicker"].clips) == {"x"}


def test_a_single_frame_network_has_metrics_in_time_if_it_gets_the_previous_frame():
    frames = [replace(batch(ids, A, f"x/{n}"), flows={}) for n, ids in enumerate((A, B))]
    scores = evaluate(colour_segmenter(propagation="none"), frames, TAXONOMY, measures=measured("flicker"))
    assert scores.metrics["flicker"].values == {"flicker": 0.0, "static pixels": pytest.approx(400 / 6)}
    assert scores.temporal_consistency is None
    alone = [replace(one, frames={0: one.current}) for one in frames]
    assert (
        not evaluate(colour_segmenter(propagation="none"), alone, TAXONOMY, measures=measured("flicker"))
        .metrics["flicker"]
        .values
    )


def test_labelled_frames_of_another_size_than_their_neighbours_are_compared():
    large = np.kron(np.array(B), np.ones((2, 2), int)).tolist()
    frames = [batch(A, A, "x/0"), batch(B, A, "x/1", labels=large), batch(B, B, "x/2")]
    scores = evaluate(colour_segmenter(), frames, TAXONOMY, measures=measured("flicker"))
    assert scores.frames == 3
    assert 0 < scores.temporal_consistency < 100
    assert scores.metrics["flicker"].values["static pixels"] < 100


def test_windows_of_frames_reach_back_through_the_clip():
    frames = [
        batch(ids, before, f"x/{n}", labels=A) for n, (before, ids) in enumerate([(A, A), (A, A), (A, B), (B, B)])
    ]
    vc = evaluate(colour_segmenter(), frames, TAXONOMY, measures=measured({"name": "vc", "windows": [2, 3]}))
    # windows of two: AA, AB, BB; of three: AAB, ABB; four of six pixels are the same in A and B
    assert vc.metrics["vc"].values["VC2"] == pytest.approx((1 + 4 / 6 + 1) / 3 * 100)
    assert vc.metrics["vc"].values["VC3"] == pytest.approx(4 / 6 * 100)


def test_both_protocols_score_one_network():
    taxonomy = Taxonomy(TAXONOMY.names, TAXONOMY.colours, frozenset({"green"}))
    frames = [batch(A, A, "x/0", labels=B)]
    published = evaluate(colour_segmenter(), frames, taxonomy)
    unified = evaluate(colour_segmenter(), frames, taxonomy, measures=Measures(protocol=UNIFIED))
    assert (published.protocol, unified.protocol) == ("davsn", "unified")
    # A against B: red is 2 of 4 and blue 1 of 1; without pixels that are green in either, red is 2 of 2
    assert published.exact_miou == pytest.approx((2 / 4 + 1) / 2 * 100)
    assert unified.exact_miou == pytest.approx(100.0)
    assert unified.counts == ((2, 0, 0), (0, 0, 0), (0, 0, 1))


def test_memory_does_not_grow_with_the_number_of_frames():
    """All tensors that are alive have as many bytes after 30 frames as after 60.

    A map of one byte a pixel that was kept of every frame would add 30 · 16 bytes.
    """
    ids, done, held = np.random.default_rng(0).integers(0, 3, (61, 4, 4)).tolist(), [], []
    frames = (batch(ids[n + 1], ids[n], f"x/{n}", labels=ids[n]) for n in range(60))

    def look(one, prediction):
        done.extend(one.names)
        if len(done) in (30, 60):
            gc.collect()
            tensors = [found for found in gc.get_objects() if issubclass(type(found), torch.Tensor)]
            storages = {found.untyped_storage().data_ptr(): found.untyped_storage().nbytes() for found in tensors}
            held.append(sum(storages.values()))

    evaluate(colour_segmenter(), frames, TAXONOMY, predicted=look, measures=Measures(full=True))
    assert held[1] < held[0] + 30 * 16
