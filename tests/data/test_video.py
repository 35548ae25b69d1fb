import os
import pickle

import numpy as np
import pytest

from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError
from davsn.data.loading import Samples, evaluation_batches
from davsn.data.sets.video import Video
from tiny_data import cut, number_in, numbered, write_video

FORMS = [
    ("a.mp4", "libx264", {}),
    ("a.mp4", "libx264", {"x264-params": "open-gop=1:bframes=3:keyint=12"}),
    ("a.mov", "libx264", {}),
    ("a.mkv", "libx264", {"x264-params": "open-gop=1:bframes=3:keyint=12"}),
    ("a.avi", "mpeg4", {}),
    ("a.avi", "mjpeg", {}),
    ("a.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ("a.webm", "libvpx", {"deadline": "realtime", "cpu-used": "8"}),
]


def video(*paths, **settings):
    return Video(Video.Config(paths=paths, **settings))


@pytest.fixture(
    scope="module", params=FORMS, ids=[f"{name[2:]}-{codec}-{len(options)}" for name, codec, options in FORMS]
)
def path(request, tmp_path_factory):
    name, codec, options = request.param
    if codec == "mjpeg":
        options = {**options, "strict": "unofficial"}
    return write_video(tmp_path_factory.mktemp("video") / name, 40, codec, **options)


def test_frames_are_found_at_random_in_order_and_backwards(path):
    data = video(path)
    assert [len(info.frames) for info in data.clips] == [40]
    assert data.clips[0].rate == 25
    shuffled = np.random.default_rng(0).permutation(40).tolist()
    for position in [*shuffled, *range(40), *reversed(range(40))]:
        assert number_in(data.read_frame(0, position)) == position


def test_a_truncated_video_is_found_when_it_is_opened(path, tmp_path):
    short = tmp_path / path.name
    short.write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=rf"{short.name}: stops after frame \d+.*Copy the file again, or save the"):
        video(cut(short, 0.8 if short.suffix in (".mp4", ".mov") else 0.6))


def test_a_truncated_video_can_be_used_as_far_as_it_goes(path, tmp_path):
    short = tmp_path / path.name
    short.write_bytes(path.read_bytes())
    data = video(cut(short, 0.8 if short.suffix in (".mp4", ".mov") else 0.6), bad_files="skip")
    assert len(data.damage) == 1
    assert 4 <= len(data.clips[0].frames) < 38
    for position in range(len(data.clips[0].frames)):
        assert number_in(data.read_frame(0, position)) == position


def test_neighbours_cost_one_run_of_the_decoder(tmp_path, monkeypatch):
    data = video(write_video(tmp_path / "a.mp4", 40, g="20"))
    data.read_frame(0, 0)
    reader, seeks = data._readers[0], []
    original = reader._container.seek
    reader._container = type(
        "Counted",
        (),
        {
            "seek": lambda _, *a, **k: (seeks.append(a), original(*a, **k)),
            "demux": lambda _, stream, c=reader._container: c.demux(stream),
        },
    )()
    for position in (25, 26, 27, 29, 28):
        assert number_in(data.read_frame(0, position)) == position
    assert len(seeks) == 1


def test_the_rate_may_vary(tmp_path):
    times = np.cumsum(np.random.default_rng(0).integers(1, 9, 30)).tolist()
    data = video(write_video(tmp_path / "a.mp4", 30, times=times))
    for position in (0, 29, 7, 8, 3):
        assert number_in(data.read_frame(0, position)) == position


def test_a_folder_of_videos_of_different_sizes_and_rates(tmp_path):
    for name in ("v10.mp4", "v2.mkv"):
        write_video(tmp_path / name, 6)
    (tmp_path / "notes.txt").write_text("no video")
    data = video(tmp_path)
    assert [info.name for info in data.clips] == ["v2", "v10"]
    assert list(data.clips[0].frames[:2]) == ["000000", "000001"]


def test_a_single_path_may_stand_alone(tmp_path):
    path = write_video(tmp_path / "a.mp4", 3)
    assert Video.Config(paths=str(path)).paths == (path,)
    assert Video.Config(paths=path).paths == (path,)
    assert Video.Config(paths=[str(path)]).paths == (path,)


def test_videos_of_one_name_get_names_of_their_own(tmp_path):
    for name in ("one/a.mp4", "two/a.mp4", "two/a.mkv"):
        write_video(tmp_path / name, 3)
    names = [info.name for info in video(tmp_path / "one", tmp_path / "two").clips]
    assert len(set(names)) == 3
    with pytest.raises(DataError, match=r"a\.mp4: is given twice\. Name every video once"):
        video(tmp_path / "one", tmp_path / "one" / "a.mp4")


def test_many_videos_share_few_open_files(tmp_path):
    for number in range(12):
        write_video(tmp_path / f"{number}.mp4", 3)
    data = video(tmp_path)
    for clip in [*range(12), 0, 11]:
        assert number_in(data.read_frame(clip, 1)) == 1
    assert len(data._readers) <= 8


def test_handles_stay_in_their_process(tmp_path):
    data = video(write_video(tmp_path / "a.mp4", 30))
    data.read_frame(0, 20)
    again = pickle.loads(pickle.dumps(data))
    assert not again._readers
    assert number_in(again.read_frame(0, 21)) == 21
    data._process = os.getpid() + 1  # as if this were a fork
    reader = data._readers[0]
    assert number_in(data.read_frame(0, 22)) == 22
    assert data._readers[0] is not reader


def test_a_turned_camera_is_turned_back(tmp_path):
    path = write_video(tmp_path / "a.mp4", 3)
    content = path.read_bytes()
    one, zero, unit = (1 << 16).to_bytes(4, "big"), bytes(4), (1 << 30).to_bytes(4, "big")
    upright = one + zero + zero + zero + one + zero + zero + zero + unit
    minus = (-(1 << 16)).to_bytes(4, "big", signed=True)
    turned = minus + zero + zero + zero + minus + zero + zero + zero + unit  # by half a turn
    place = content.rindex(upright)  # the track's matrix comes after the movie's
    path.write_bytes(content[:place] + turned + content[place + len(turned) :])
    frame = video(path).read_frame(0, 1)
    assert number_in(np.rot90(frame, 2)) == 1
    assert np.abs(frame.astype(int) - numbered(1)[::-1, ::-1]).mean() < 10


def test_samples_pair_neighbours_with_a_stride(tmp_path):
    data = video(write_video(tmp_path / "a.mp4", 12), stride=3, flow="zero")
    samples = Samples(data, ClipSpec((0, -1), ((0, -1),)))
    pairs = [(number_in(sample.frames[0]), number_in(sample.frames[-1])) for sample in samples]
    assert pairs == [(position, position - 3) for position in range(3, 12)]


def test_workers_open_their_own_files(tmp_path):
    data = video(write_video(tmp_path / "a.mp4", 10), flow="zero")
    data.read_frame(0, 5)
    names = [batch.names[0] for batch in evaluation_batches(Samples(data, ClipSpec()), workers=1)]
    assert names == [f"a/{position:06d}" for position in range(10)]
