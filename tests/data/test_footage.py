from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from davsn.api.data import footage_choice
from davsn.core.errors import DataError
from davsn.data.images import picture_size, read_picture
from davsn.data.sets.video import Video
from davsn.data.video.footage import footage, holds_videos
from davsn.data.video.recordings import recordings
from tiny_data import number_in, numbered, write_video


def picture(value, path):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(path)


def test_pictures_come_in_natural_order(tmp_path):
    for number in (10, 9, 1):
        picture(number, tmp_path / "in" / f"f{number}.png")
    (tmp_path / "in" / "notes.txt").write_text("")
    found = footage(tmp_path / "in")
    assert (found.count, found.rate) == (3, None)
    assert [(shot.name, shot.frame[0, 0, 0]) for shot in found.frames] == [("f1", 1), ("f9", 9), ("f10", 10)]


def test_one_picture(tmp_path):
    picture(7, tmp_path / "a.png")
    assert [shot.name for shot in footage(tmp_path / "a.png").frames] == ["a"]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".webm", "libvpx-vp9"), (".avi", "mpeg4")])
def test_a_video(tmp_path, suffix, codec):
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=Fraction(24000, 1001))
        track.width, track.height, track.pix_fmt = 32, 16, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32, 3), number * 20 + 20, np.uint8), format="rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    found = footage(path)
    assert found.count == 10
    assert float(found.rate) == pytest.approx(24000 / 1001, rel=1e-2)
    names, frames, times, durations = zip(*found.frames, strict=True)
    assert durations == pytest.approx([1001 / 24000] * 10, abs=2e-3)
    assert times == pytest.approx([number * 1001 / 24000 for number in range(10)], rel=1e-2)
    assert names == tuple(f"{number:06d}" for number in range(10))
    assert [round((frame.mean() - 20) / 20) for frame in frames] == list(range(10))


def test_a_gif_is_a_video_if_it_moves(tmp_path):
    found = footage(write_video(tmp_path / "a.gif", 5, "gif"))
    assert [number_in(shot.frame) for shot in found.frames] == list(range(5))
    Image.fromarray(numbered(3)).save(tmp_path / "still.gif")
    (still,) = footage(tmp_path / "still.gif").frames
    assert (still.name, number_in(still.frame)) == ("still", 3)


def write_animation(path, numbers=range(5), durations=40):
    first, *others = (Image.fromarray(numbered(number)) for number in numbers)
    options = {"lossless": True} if path.suffix == ".webp" else {}
    path.parent.mkdir(exist_ok=True)
    first.save(path, save_all=True, append_images=others, duration=durations, **options)
    return path


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.WEBP"])
def test_an_image_that_moves_is_a_video_by_seeking_too(tmp_path, name):
    path = write_animation(tmp_path / name, durations=[40, 40, 200, 40, 80])
    shots = list(footage(path).frames)
    assert [number_in(shot.frame) for shot in shots] == list(range(5))
    assert [shot.time for shot in shots] == pytest.approx([0, 0.04, 0.08, 0.28, 0.32], abs=2e-3)
    data = Video(Video.Config(paths=(path,)))
    assert [number_in(data.read_frame(0, position)) for position in (3, 0, 4)] == [3, 0, 4]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_a_folder_of_images_that_move_is_one_of_videos_and_of_others_one_of_frames(tmp_path, suffix):
    for name in "ab":
        write_animation(tmp_path / "moving" / f"{name}{suffix}")
        picture(1, tmp_path / "still" / f"{name}{suffix}")
    assert [holds_videos(tmp_path / name) for name in ("moving", "still")] == [True, False]
    assert list(recordings(tmp_path / "moving")) == ["a", "b"]
    assert recordings(tmp_path / "still") == {}
    assert footage_choice([tmp_path / "still"], {})["name"] == "folder"
    video = Video(Video.Config(paths=(tmp_path / "moving",)))
    assert [len(clip.frames) for clip in video.clips] == [5, 5]


def test_two_pictures_of_one_name(tmp_path):
    picture(1, tmp_path / "in" / "a.png")
    picture(1, tmp_path / "in" / "a.jpg")
    with pytest.raises(DataError, match=r"in: holds two images named a. Keep one of them"):
        footage(tmp_path / "in")


def test_nothing_to_read(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(
        DataError, match=r"in: holds no images. Give a folder of \.bmp .*\.jpeg \.jpg .*\.png .* files, or a v"
    ):
        footage(tmp_path / "in")
    with pytest.raises(DataError, match=r"none: no such file or folder. Give a video, a folder of frames or an image"):
        footage(tmp_path / "none")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DataError, match=r"a\.txt: is neither a video nor an image by its suffix"):
        footage(tmp_path / "a.txt")
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"a\.mp4: cannot be opened as a video"):
        footage(tmp_path / "a.mp4")


def test_a_folder_of_videos_is_told_from_one_of_frames(tmp_path):
    picture(1, tmp_path / "frames" / "a.png")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "DRIVE.MP4").write_bytes(b"")
    found = [holds_videos(path) for path in (tmp_path, tmp_path / "frames", tmp_path / "videos", tmp_path / "none")]
    assert found == [False, False, True, False]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_exif_says(tmp_path, orientation):
    stored = Image.fromarray(np.arange(8 * 16, dtype=np.uint8).reshape(8, 16))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    shown = ImageOps.exif_transpose(Image.open(tmp_path / "a.png"))
    found = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(found[..., 0], np.array(shown))
    assert picture_size(tmp_path / "a.png") == shown.size == found.shape[1::-1]


def test_the_recordings_in_a_folder(tmp_path):
    picture(1, tmp_path / "clip" / "a.png")
    assert recordings(tmp_path / "clip") == {}
    (tmp_path / "more").mkdir()
    for name in ("cam10.mp4", "cam2.MKV", "more/cam.ts", "._cam2.mkv"):
        (tmp_path / name).write_bytes(b"")
    assert list(recordings(tmp_path)) == ["cam2", "cam10", "clip", "more/cam"]
    (tmp_path / "cam2.mov").write_bytes(b"")
    assert list(recordings(tmp_path)) == ["cam2.MKV", "cam2.mov", "cam10.mp4", "clip", "more/cam.ts"]
    (tmp_path / "game" / "labels").mkdir(parents=True)
    picture(1, tmp_path / "game" / "labels" / "l.png")
    (tmp_path / "game" / "frames").mkdir()
    picture(1, tmp_path / "game" / "frames" / "one" / "a.png")
    assert list(recordings(tmp_path / "game")) == ["one"]


def test_thumbnails_label_maps_and_links_in_a_circle_are_no_recordings(tmp_path):
    for name in ("drive.jpg", "drive/rgb/a.png", "drive/seg/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbered(1)).save(tmp_path / name)
    (tmp_path / "drive.mp4").write_bytes(b"")
    (tmp_path / "drive" / "again").symlink_to(tmp_path)
    assert list(recordings(tmp_path)) == ["drive", "drive/rgb"]
