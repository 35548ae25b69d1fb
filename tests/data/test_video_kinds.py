"""Videos as people have them: frames are those that a player shows, in every container and by seeking too."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from davsn.core.errors import DataError
from davsn.data.sets.video import Video
from tiny_data import cut, number_in, numbered, write_video

KINDS = [
    ("a.ts", "libx264", {"bf": "2"}),
    ("a.m2ts", "libx264", {"x264-params": "open-gop=1:bframes=3:keyint=12"}),
    ("a.MTS", "mpeg2video", {"bf": "2"}),
    ("a.mpg", "mpeg2video", {"bf": "2"}),
    ("a.vob", "mpeg2video", {"bf": "2"}),
    ("a.avi", "libx264", {"bf": "2"}),  # says only when frames are decoded
    ("a.h264", "libx264", {"bf": "2"}),  # says nothing
    ("a.flv", "flv1", {}),
    ("a.wmv", "wmv2", {}),
    ("a.m4v", "libx264", {"bf": "2"}),
    ("a.gif", "gif", {}),
]


def video(*paths, **settings):
    return Video(Video.Config(paths=paths, **settings))


def numbers(data, positions):
    return [number_in(data.read_frame(0, position)) for position in positions]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS, ids=[f"{name[2:]}-{codec}" for name, codec, _ in KINDS])
def test_every_kind_gives_all_frames_by_seeking_and_in_order(tmp_path, name, codec, options):
    data = video(write_video(tmp_path / name, 30, codec, **options))
    shuffled = np.random.default_rng(0).permutation(30).tolist()
    assert numbers(data, shuffled) == shuffled
    assert numbers(data, range(30)) == list(range(30))
    assert data.seconds(0, 29) == pytest.approx(29 / 25, abs=2e-3)
    assert data.seconds(0, 29) + data.duration(0, 29) == pytest.approx(30 / 25, abs=2e-3)


def trimmed(path: Path, begin: int, length: int) -> Path:
    """Trim an MP4 of 25 frames a second without loss, as a phone does: by the edit list alone."""
    content = path.read_bytes()
    place = content.index(b"elst") + 12  # after the version and the count: duration, begin, rate
    old = int.from_bytes(content[place + 4 : place + 8], "big")
    new = (length * 40).to_bytes(4, "big") + (old + begin * 512).to_bytes(4, "big")
    path.write_bytes(content[:place] + new + content[place + 8 :])
    return path


def test_an_edit_list_leaves_frames_out(tmp_path):
    data = video(trimmed(write_video(tmp_path / "a.mp4", 40), 17, 20))
    assert len(data.clips[0].frames) == 20
    assert data.damage == []
    assert numbers(data, [19, 0, *range(20)]) == [36, 17, *range(17, 37)]


def test_a_transport_stream_may_begin_within_a_group_and_start_its_clock_again(tmp_path):
    whole = write_video(tmp_path / "a.ts", 30, bf="2").read_bytes()
    (tmp_path / "b.ts").write_bytes(whole[188 * 8 :])
    begun = video(tmp_path / "b.ts")
    count = len(begun.clips[0].frames)
    assert 10 < count < 30
    assert numbers(begun, range(count)) == list(range(30 - count, 30))
    (tmp_path / "c.ts").write_bytes(whole * 2)
    assert numbers(video(tmp_path / "c.ts"), [45, 3, 31]) == [15, 3, 1]


def test_a_video_that_stops_names_no_number_that_nobody_knows(tmp_path):
    path = cut(write_video(tmp_path / "a.mkv", 40), 0.6)
    with pytest.raises(DataError, match=r"a\.mkv: stops after frame \d+\. Copy"):
        video(path)
    path = cut(write_video(tmp_path / "a.mp4", 40), 0.8)
    with pytest.raises(DataError, match=r"a\.mp4: stops after frame \d+ of 40\. Copy"):
        video(path)


def test_a_last_frame_that_stays_is_no_damage(tmp_path):
    times = [*range(10), 100]
    for name in ("a.mkv", "a.mp4", "a.webm"):
        path = write_video(tmp_path / name, 11, "libvpx" if name == "a.webm" else "libx264", times=times)
        data = video(path)
        assert len(data.clips[0].frames) == 11
        assert (data.duration(0, 9), data.seconds(0, 10)) == pytest.approx((91 / 25, 4.0), abs=2e-3)


MATRICES = {
    (1, 0, 0, 1): lambda pixels: pixels,
    (0, 1, -1, 0): lambda pixels: np.rot90(pixels, -1),
    (-1, 0, 0, -1): lambda pixels: np.rot90(pixels, 2),
    (0, -1, 1, 0): lambda pixels: np.rot90(pixels, 1),
    (-1, 0, 0, 1): lambda pixels: pixels[:, ::-1],
    (1, 0, 0, -1): lambda pixels: pixels[::-1],
}


def matrix(a, b, c, d):
    rows = ((a, b, 0), (c, d, 0), (0, 0, 1 << 14))
    return b"".join((value << 16).to_bytes(4, "big", signed=True) for row in rows for value in row)


@pytest.mark.parametrize("turn", MATRICES)
def test_a_camera_that_was_turned_or_mirrored(tmp_path, turn):
    path = write_video(tmp_path / "a.mp4", 3)
    stored = video(path).read_frame(0, 1)
    content = path.read_bytes()
    place = content.rindex(matrix(1, 0, 0, 1))  # the track's matrix comes after the movie's
    (tmp_path / "b.mp4").write_bytes(content[:place] + matrix(*turn) + content[place + 36 :])
    np.testing.assert_array_equal(video(tmp_path / "b.mp4").read_frame(0, 1), MATRICES[turn](stored))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_frames_of_pixels_that_are_not_square_are_as_wide_as_a_player_shows_them(tmp_path, name, capsys):
    data = video(write_video(tmp_path / name, 15, aspect=Fraction(4, 3)))
    assert {data.read_frame(0, position).shape for position in (13, 0, 14)} == {(64, 128, 3)}
    assert numbers(data, [14, 3, 13]) == [14, 3, 13]
    expected = "its pixels are not square; frames of 96x64 are read as 128x64, as a player shows them"
    assert f"{name}: {expected}" in capsys.readouterr().out


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(251, 250), Fraction(9), Fraction(1, 9)])
def test_pixels_that_are_square_but_for_rounding_or_damage_stay(tmp_path, aspect, capsys):
    assert video(write_video(tmp_path / "a.mp4", 2, aspect=aspect)).read_frame(0, 1).shape == (64, 96, 3)
    assert capsys.readouterr().out == ""


def test_a_turned_camera_with_narrow_pixels(tmp_path):
    content = write_video(tmp_path / "a.mp4", 2, aspect=Fraction(2, 3)).read_bytes()
    wide = video(tmp_path / "a.mp4").read_frame(0, 1)
    place = content.rindex(matrix(1, 0, 0, 1))
    (tmp_path / "b.mp4").write_bytes(content[:place] + matrix(0, 1, -1, 0) + content[place + 36 :])
    assert wide.shape == (64, 64, 3)
    np.testing.assert_array_equal(video(tmp_path / "b.mp4").read_frame(0, 1), np.rot90(wide, -1))


@pytest.mark.parametrize("name", ["cam:front.mp4", "%03d.mp4", "-x.mp4", "a 'b' \"c\".mp4", "straße→.MP4", "[a].Mkv"])
def test_a_local_path_is_a_path(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / f"plain{Path(name).suffix.lower()}", 3).rename(name)
    assert numbers(video(Path(name)), [1]) == [1]
    assert len(video(tmp_path).clips) == 1


def two_streams(path):
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, size in zip(streams, ((48, 32), (96, 64)), strict=True):
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(3):
            for stream, size in zip(streams, ((48, 32), (96, 64)), strict=True):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number, size), format="rgb24")))
        for stream in streams:
            out.mux(stream.encode())
    return path


def test_the_best_of_several_streams_or_the_one_that_is_named(tmp_path, capsys):
    path = two_streams(tmp_path / "a.ts")
    assert video(path).read_frame(0, 0).shape == (64, 96, 3)
    expected = "a.ts: holds the video streams 0 (48x32), 1 (96x64); stream 1 is read. Choose with stream: NUMBER"
    assert expected in capsys.readouterr().out
    assert video(path, stream=0).read_frame(0, 2).shape == (32, 48, 3)
    assert capsys.readouterr().out == ""
    with pytest.raises(DataError, match=r"a\.ts: has no video stream 2\. Choose one of its video streams: 0 \(48x32\)"):
        video(path, stream=2)


def test_a_text_is_no_video(tmp_path):
    (tmp_path / "a.txt").write_text("a road\n" * 50)
    with pytest.raises(DataError, match=r"a\.txt: cannot be opened as a video"):
        video(tmp_path / "a.txt")
