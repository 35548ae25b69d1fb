import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from davsn.core.clip import ClipSpec
from davsn.data.samples import target_training
from davsn.data.sets.cityscapes import Cityscapes
from davsn.data.sets.folder import Folder
from davsn.data.sets.synthia import Synthia
from davsn.data.sets.video import Video
from davsn.data.sets.viper import Viper
from davsn.doctor.data import Finding, check, grouped, look_up
from davsn.flow.files.io import write_flow
from published import cityscapes, synthia, viper
from tiny_data import cut, frame_of, label_of, texture, write_labelled, write_video

TWO = ClipSpec((0, -1), ((0, -1),), labels=True)


@pytest.fixture(name="root")
def _root(tmp_path):
    return write_labelled(tmp_path / "set", {"a": 6, "b": 6})


def problems(findings):
    return [finding for finding in findings if finding.severity != "note"]


def notes(findings):
    return [finding.what for finding in findings if finding.severity == "note"]


def look(root, spec=TWO, every=1, batch_size=1, **settings):
    return check(Folder(Folder.Config(root=root, **{"missing": "repeat", **settings})), spec, every, batch_size)


def test_nothing_is_wrong_with_whole_data(root):
    assert look(root) == [
        Finding("the data set", "12 samples in 2 clips with 12 frames, 12 with a label map: a, b", "", "note")
    ]


def test_frames_without_neighbours(root):
    assert problems(look(root, missing="skip")) == [
        Finding(
            "the data set",
            "2 of 12 frames have no neighbour and are left out",
            "Nothing, if these are the first frames of the clips; or set missing: repeat",
            "warning",
        )
    ]
    (problem,) = look(root, missing="error")
    assert (problem.where, problem.severity) == ("a/f_8", "fatal")
    assert problem.what == "2 of 12 frames have no neighbour at -1"


def test_every_kind_of_bad_file_is_found_once(root):
    cut(root / "frames" / "a" / "f_9.png", 0.5)
    Image.fromarray(label_of(0, 0, (20, 24))).save(root / "labels" / "a" / "f_10.png")
    Image.fromarray(texture(24, 40)).save(root / "labels" / "b" / "f_8.png")
    Image.fromarray(np.full((24, 40), 9, np.uint8)).save(root / "labels" / "b" / "f_9.png")
    found_all = problems(look(root))
    found = {os.path.relpath(problem.where, root): problem.what for problem in found_all}
    assert len(found) == len(found_all) == 4  # though the damaged frame is a neighbour as well
    assert found["frames/a/f_9.png"].startswith("is a truncated or damaged image")
    assert found["labels/a/f_10.png"].startswith("is 20x24 pixels, which is another shape")
    assert found["labels/b/f_8.png"].startswith("is 8-bit RGB, and neither its colours nor one channel")
    assert found["labels/b/f_9.png"] == "holds ids outside the class table of 3 classes: 9 (960 pixels)"
    assert {problem.severity for problem in found_all} == {"fatal"}
    assert all(problem.remedy for problem in found_all)


def test_what_training_would_skip_is_a_warning(root):
    cut(root / "frames" / "a" / "f_9.png", 0.5)
    assert {problem.severity for problem in problems(look(root, bad_files="skip"))} == {"warning"}


def test_every_looks_at_some_only_and_at_the_last_frame_of_each_clip(root):
    cut(root / "frames" / "a" / "f_10.png", 0.5)
    cut(root / "frames" / "b" / "f_13.png", 0.5)
    found = problems(look(root, ClipSpec(), every=5))
    assert [os.path.basename(problem.where) for problem in found] == ["f_13.png"]


def test_a_broken_disk_is_one_row(root):
    for path in (root / "frames").rglob("*.png"):
        cut(path, 0.5)
    found = look(root)
    assert len(problems(found)) == 12
    (first, count), (note, _) = grouped([*found, Finding("", "something else", "", "warning", "disk")])[::2]
    assert (first.severity, count) == ("fatal", 12)
    assert first.where.endswith("frames/a/f_8.png")
    assert note.severity == "note"  # the worst first


def test_different_faults_are_not_grouped(root):
    cut(root / "frames" / "a" / "f_9.png", 0.5)
    (root / "frames" / "b" / "f_9.png").write_bytes(b"no picture")
    Image.fromarray(np.full((24, 40), 9, np.uint8)).save(root / "labels" / "b" / "f_8.png")
    Image.fromarray(np.full((24, 40), 8, np.uint8)).save(root / "labels" / "b" / "f_10.png")
    groups = grouped(problems(look(root)))
    assert sorted(count for _, count in groups) == [1, 1, 2]


def test_progress_is_told_to_the_end(root):
    told = []

    class Watched:
        def __init__(self, what, total):
            told.append((what, total))

        def __enter__(self):
            return told.append

        def __exit__(self, *_):
            pass

    check(Folder(Folder.Config(root=root, missing="repeat")), TWO, 2, watch=Watched)
    assert told == [("reading", 14), *range(1, 15)]  # six samples, the six other labels and two last frames


def test_sizes_that_cannot_share_a_batch(root):
    for position in range(8, 14):
        Image.fromarray(frame_of(0, 0, (20, 12))).save(root / "frames" / "b" / f"f_{position}.png")
    spec = replace(TWO, labels=False)
    (problem,) = problems(look(root, spec, batch_size=2))
    assert (problem.what, problem.severity) == ("frames of different sizes: 20x12, 40x24", "fatal")
    assert problem.remedy == "Set 'size', or batch_size: 1"
    assert notes(look(root, spec))[1:] == ["frames of different sizes: 20x12, 40x24"]  # no fault one by one
    assert len(look(root, spec, batch_size=2, size=(20, 12))) == 1


def test_a_height_alone_leaves_frames_of_other_aspects(root):
    spec = replace(TWO, labels=False)
    for size, other in (((20, 12), 0), ((24, 24), 1)):
        for position in range(8, 14):
            Image.fromarray(frame_of(0, 0, size)).save(root / "frames" / "b" / f"f_{position}.png")
        found = problems(look(root, spec, batch_size=2, size=24))
        assert [problem.what for problem in found] == ["frames of different sizes: 24x24, 40x24"] * other


def test_a_neighbour_of_another_size(root):
    Image.fromarray(frame_of(0, 0, (20, 12))).save(root / "frames" / "b" / "f_13.png")
    (problem,) = problems(look(root, replace(TWO, labels=False)))
    assert (problem.where, problem.severity) == ("b/f_13", "fatal")
    assert problem.what == "the frame and its neighbours differ in size: 20x12, 40x24"
    assert problems(look(root, replace(TWO, labels=False), size=(20, 12))) == []


def test_stored_flow_is_looked_for_everywhere_and_read_in_part(root, tmp_path):
    for name in "ab":
        for position in range(8, 14):
            write_flow(tmp_path / "flow" / name / f"f_{position}.flo", np.zeros((24, 40, 2)))
    settings = {"flow": "stored", "flow_root": tmp_path / "flow"}
    assert [problem.severity for problem in problems(look(root, **settings))] == ["warning"]  # undecided: below
    cut(tmp_path / "flow" / "a" / "f_9.flo", 0.5)
    (tmp_path / "flow" / "b" / "f_10.flo").unlink()
    missing, cut_short, *_ = problems(look(root, **settings))
    assert cut_short.where.endswith("flow/a/f_9.flo")
    assert missing.what == "holds no flow of frame f_10.png: looked for f_10 with .npy, .flo, .png, .pfm, .npz, .flow"
    assert missing.severity == cut_short.severity == "fatal"
    unread = look_up(Folder(Folder.Config(root=root, missing="repeat", **settings)), TWO)
    assert problems(unread) == [missing]


def test_flow_of_another_shape_than_its_frame(root, tmp_path):
    for position in range(9, 14):
        write_flow(tmp_path / "flow" / "a" / f"f_{position}.flo", np.zeros((12, 20, 2)))  # half is fine
        write_flow(tmp_path / "flow" / "b" / f"f_{position}.flo", np.zeros((20, 20, 2)))
    found = problems(look(root, flow="stored", flow_root=tmp_path / "flow"))
    strange = [problem for problem in found if "has another aspect ratio" in problem.what]
    assert {problem.where.partition("/")[0] for problem in strange} == {"b"}
    assert strange[0].what == "the flow is 20x20, and its frame of 40x24 has another aspect ratio"
    assert len(grouped(strange)) == 1


def test_own_flow_where_there_is_none(root):
    (problem,) = problems(look(root, flow="exact"))
    assert problem == Finding("the data set", "has no flow of its own", "Set flow: dis", "fatal")


def test_a_source_without_labels(root):
    (problem,) = look(root, labels=None)
    assert problem.severity == "fatal"
    assert "labels are required, but the data set has none" in problem.what


def test_videos_are_opened_to_their_end(tmp_path):
    spec = ClipSpec((0, -1), ((0, -1),))
    path = write_video(tmp_path / "a.mkv", 40)
    assert problems(check(Video(Video.Config(paths=(path,), missing="repeat")), spec, every=10)) == []
    data = Video(Video.Config(paths=(cut(path, 0.7),), missing="repeat", bad_files="skip"))
    (problem,) = problems(check(data, spec, every=10))
    assert problem.where == str(path)
    assert problem.what.startswith("stops after frame ")
    assert problem.severity == "warning"


# The direction of stored flow: the content moves right by one or more pixels a frame.


def moving(root, shift, flow, length=6, stride=1):
    """Frames whose content moves right by ``shift`` pixels a frame, and the same flow for all of them."""
    picture = texture(48, 80, seed=3)
    for place in range(length):
        frame = root / "frames" / "a" / f"{place}.png"
        frame.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(picture, shift * place, 1)).save(frame)
        write_flow(root / "flow" / "a" / f"{place}.flo", np.full((48, 80, 2), (flow, 0.0)))
    config = Folder.Config(root=root, labels=None, flow="stored", flow_root=root / "flow", stride=stride)
    return check(Folder(config), replace(TWO, labels=False))


def direction(findings):
    (found,) = (finding for finding in findings if "stored flow" in finding.what)
    return found


def test_flow_in_the_right_direction_is_said_to_be(tmp_path):
    found = direction(moving(tmp_path, 3, -3.0))
    assert found.severity == "note"
    assert found.what.startswith("the stored flow has the right direction: frames differ by 0.0 with it, ")
    assert found.what.endswith(" without it (5 pairs, grey levels)")


def test_flow_in_the_wrong_direction_is_fatal(tmp_path):
    found = direction(moving(tmp_path, 3, 3.0))
    assert found.severity == "fatal"
    assert found.what.startswith("the stored flow has the wrong direction: ")
    assert "Compute them from the current frame to the previous one" in found.remedy
    assert "or set flow: dis" in found.remedy


@pytest.mark.parametrize(
    ("shift", "flow", "why"), [(0, 0.0, "it is nearly 0 everywhere"), (0, 3.0, "frames differ by")]
)
def test_flow_that_the_frames_do_not_tell_is_undecided(tmp_path, shift, flow, why):
    found = direction(moving(tmp_path, shift, flow))
    assert found.severity == "warning"
    assert found.what.startswith(f"the direction of the stored flow is undecided: {why}")


def test_frames_of_noise_are_undecided(tmp_path):
    for place in range(6):
        frame = tmp_path / "frames" / "a" / f"{place}.png"
        frame.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(place).integers(0, 256, (48, 80, 3), np.uint8)
        Image.fromarray(noise).save(frame)
        write_flow(tmp_path / "flow" / "a" / f"{place}.flo", np.full((48, 80, 2), 2.0))
    config = Folder.Config(root=tmp_path, labels=None, flow="stored", flow_root=tmp_path / "flow")
    assert "undecided" in direction(check(Folder(config), replace(TWO, labels=False))).what


def test_flow_to_the_frame_just_before_where_the_stride_is_two(tmp_path):
    found = direction(moving(tmp_path / "one", 3, -3.0, stride=2))
    assert found.severity == "fatal"
    assert "leads to the frame just before, but stride 2 needs an earlier one" in found.what
    assert found.remedy == "Compute it for this stride, set stride: 1, or set flow: dis"
    assert direction(moving(tmp_path / "two", 3, -6.0, stride=2)).severity == "note"


# The traps of the published layouts.


def test_counts_are_compared_with_the_published_ones(tmp_path):
    of_viper = viper(tmp_path / "viper", {"001": [9, 10]})
    (problem,) = problems(look_up(Viper(Viper.Config(**of_viper)), TWO))
    assert problem.what == "1 frames to use where the published data set has 13367"
    assert problem.remedy == "Download or unpack the rest; training would use only what is there"
    assert problem.severity == "warning"
    drives = {"aachen_000000": [18, 19]}
    of_city = cityscapes(tmp_path / "city", drives, {"aachen_000000": [19]}, "val")
    city = Cityscapes(Cityscapes.Config(**of_city, split="val"))
    spec = replace(TWO, labels=False)
    assert "has 500" in problems(look_up(city, TWO))[0].what
    assert "has 500" in problems(look_up(target_training(city), spec))[0].what
    of_synthia = synthia(tmp_path / "SEQS-04-DAWN", [0, 1])
    (problem,) = problems(look_up(Synthia(Synthia.Config(**of_synthia)), TWO))[:1]
    assert problem.what == "2 frames where the published data set has 850"


def test_other_choices_than_the_published_have_no_count(tmp_path):
    of_viper = viper(tmp_path / "viper", {"001": [9, 10]})
    assert problems(look_up(Viper(Viper.Config(**of_viper, every=5)), TWO)) == []
    of_synthia = synthia(tmp_path / "SEQS-05", [0, 1])
    found = problems(look_up(Synthia(Synthia.Config(**of_synthia)), TWO))
    assert not any("published" in problem.what for problem in found)


def test_more_than_was_published(tmp_path):
    city = Cityscapes(Cityscapes.Config(**cityscapes(tmp_path, {"a_000000": [18, 19]}, {"a_000000": [19]})))
    city.published = {"clips": 0}
    (problem,) = problems(look_up(city, TWO))
    assert problem.what == "1 clips where the published data set has 0"
    assert problem.remedy.startswith("Does the folder hold more than this data set?")


def test_labels_in_the_wrong_bits_or_colours(tmp_path):
    of_synthia = synthia(tmp_path / "seq", [0, 1, 2])
    Image.fromarray(label_of(0, 1)).save(tmp_path / "seq" / "label" / "000001.png")  # 8 bits
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(tmp_path / "seq" / "label" / "000002.png")  # colours
    found = [problem for problem in check(Synthia(Synthia.Config(**of_synthia)), TWO) if problem.severity == "fatal"]
    assert [problem.what[:25] for problem in found] == ["is 8-bit greyscale; expec", "is 8-bit RGB; expected a "]
    assert all(problem.remedy.startswith("Use the label files as downloaded") for problem in found)
    of_viper = viper(tmp_path / "viper", {"001": [9, 10]})
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(tmp_path / "viper/train/cls/001/001_00010.png")
    (problem, *_) = (found for found in check(Viper(Viper.Config(**of_viper)), TWO) if found.severity == "fatal")
    assert problem.what.startswith("is 8-bit RGB; a label map is a PNG of 8 bits and one channel, or a palette")


def test_a_label_of_another_size_than_its_picture(tmp_path):
    of_city = cityscapes(tmp_path, {"a_000000": [18, 19]}, {"a_000000": [19]})
    Image.fromarray(np.zeros((12, 20), np.uint8)).save(tmp_path / "gtFine/train/a/a_000000_000019_gtFine_labelIds.png")
    found = check(Cityscapes(Cityscapes.Config(**of_city)), TWO)
    (problem,) = (finding for finding in found if finding.what.startswith("the label is"))
    assert (problem.where, problem.severity) == ("a_000000_000018/a_000000_000019", "warning")
    assert problem.what == "the label is 20x12 pixels, its frame 40x24"


def test_stored_flow_of_the_published_files_has_no_other_stride(tmp_path):
    of_viper = viper(tmp_path / "viper", {"001": [8, 9, 10]})
    (problem,) = (
        f for f in look_up(Viper(Viper.Config(**of_viper, flow="stored", stride=2)), TWO) if f.severity == "fatal"
    )
    assert problem.what.startswith("holds no 001_0001000008_int16_x10.npy")
    assert "set flow: dis" in problem.remedy
    of_synthia = synthia(tmp_path / "seq", [0, 1, 2])
    config = Synthia.Config(**of_synthia, flow="stored", stride=2)
    (problem,) = (finding for finding in look_up(Synthia(config), TWO) if finding.severity == "fatal")
    assert problem.what == "stored flow goes to the frame before, not to 000000"


def test_most_neighbours_missing_has_the_remedy_of_the_data_set(tmp_path):
    of_viper = viper(tmp_path, {"001": [9, 10, 20, 30]})  # of the images, the pack [2-9] was not unpacked
    found = look_up(Viper(Viper.Config(**of_viper)), TWO)
    (problem,) = (finding for finding in found if "no neighbour" in finding.what)
    assert problem.what == "2 of 3 frames have no neighbour and are left out"
    assert "are in VIPER's image archives [2-9]" in problem.remedy
