"""Every trap of the data that we know of, and the sentence that names it: file, what is wrong, what to do."""

import os
import re
import struct
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from davsn.core.errors import ConfigError, DataError
from davsn.core.settings import validate
from davsn.data.images import read_ids, read_picture
from davsn.data.labels.files import read_label
from davsn.data.labels.taxonomy import read_class_table
from davsn.data.sets.folder import Folder
from davsn.data.sets.video import Video
from tiny_data import cut, label_of, texture, write_labelled, write_video


def png(width, height, depth, colour, rows=b""):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


class TestPictures:
    @pytest.mark.parametrize("suffix", ["jpg", "png"])
    @pytest.mark.parametrize("share", [0.3, 0.9])
    def test_truncated(self, tmp_path, suffix, share):
        path = tmp_path / f"0.{suffix}"
        Image.fromarray(texture(200, 300)).save(path)
        with pytest.raises(DataError, match=rf"0\.{suffix}: is a truncated or damaged image .*Copy or render the file"):
            read_picture(cut(path, share))

    @pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff"])
    def test_no_picture(self, tmp_path, content):
        (tmp_path / "0.jpg").write_bytes(content)
        with pytest.raises(
            DataError, match=r"0\.jpg: is not an image that can be read\. Copy or render the file again"
        ):
            read_picture(tmp_path / "0.jpg")

    def test_a_flipped_bit(self, tmp_path):
        Image.fromarray(texture(100, 100)).save(tmp_path / "0.png")
        content = bytearray((tmp_path / "0.png").read_bytes())
        content[len(content) // 2] ^= 0xFF
        (tmp_path / "0.png").write_bytes(content)
        with pytest.raises(DataError, match=r"0\.png: is a truncated or damaged image"):
            read_picture(tmp_path / "0.png")

    def test_missing(self, tmp_path):
        with pytest.raises(DataError, match=r"0\.png: no such file\. Copy it there, or leave out its frame"):
            read_picture(tmp_path / "0.png")

    @pytest.mark.parametrize("side", [8193, 60_000, 1_000_000])
    def test_a_head_that_claims_too_much_is_not_decoded(self, tmp_path, side):
        (tmp_path / "0.png").write_bytes(png(side, side, 8, 2))
        with pytest.raises(DataError, match=rf"claims a size of {side}x{side} pixels|damaged image .*exceeds limit"):
            read_picture(tmp_path / "0.png")

    def test_more_than_8_bits(self, tmp_path):
        Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "0.png")
        with pytest.raises(DataError, match=r"image of mode I;16, not of 8 bits a channel. Convert it to 8-bit RGB"):
            read_picture(tmp_path / "0.png")


class TestLabels:
    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (png(2, 1, 8, 2, b"\0" + bytes(6)), "8-bit RGB"),
            (png(2, 1, 16, 0, b"\0" + bytes(4)), "16-bit greyscale"),
            (png(2, 1, 16, 2, b"\0" + bytes(12)), "16-bit RGB"),
            (png(2, 1, 8, 6, b"\0" + bytes(8)), "8-bit RGBA"),
            (png(2, 1, 4, 0, b"\0\x12"), "4-bit greyscale"),  # decoders scale its ids 1 and 2 to 17 and 34
        ],
    )
    def test_another_mode(self, tmp_path, content, found):
        (tmp_path / "0.png").write_bytes(content)
        message = (
            f"0.png: is {found}; a label map is a PNG of 8 bits and one channel, or a palette PNG, "
            "whose values are class ids"
        )
        with pytest.raises(DataError, match=f"{message}. Map its values to ids and write them as 8-bit greyscale"):
            read_ids(tmp_path / "0.png")

    def test_a_palette_of_few_bits_holds_ids(self, tmp_path):
        picture = Image.new("P", (4, 1))
        picture.putpalette([9, 9, 9] * 4)
        picture.putdata([0, 1, 2, 3])
        picture.save(tmp_path / "0.png", bits=2)
        assert read_ids(tmp_path / "0.png").tolist() == [[0, 1, 2, 3]]

    def test_a_jpeg_under_another_name(self, tmp_path):
        Image.fromarray(label_of(0, 0)).save(tmp_path / "0.jpg")
        os.rename(tmp_path / "0.jpg", tmp_path / "0.png")
        with pytest.raises(
            DataError, match=r"is not a PNG; a label map is .*Write label maps as PNG: other formats change the ids"
        ):
            read_ids(tmp_path / "0.png")

    @pytest.mark.parametrize(
        ("size", "remedy"),
        [
            ((20, 20), "It belongs to another image, or one of the two was cropped"),
            ((24, 40), "It lies on its side: turn"),
        ],
    )
    def test_another_shape_than_the_frame(self, tmp_path, size, remedy):
        write_labelled(tmp_path, {"a": 1})
        Image.fromarray(label_of(0, 0, size)).save(tmp_path / "labels" / "a" / "f_8.png")
        message = (
            rf"labels/a/f_8\.png: is {size[0]}x{size[1]} pixels, which is another shape than the 40x24 of its image "
            rf".*frames/a/f_8\.png\. {remedy}"
        )
        with pytest.raises(DataError, match=message):
            Folder(Folder.Config(root=tmp_path)).read_label(0, 0)

    def test_ids_outside_the_table(self, tmp_path):
        label = np.zeros((4, 5), np.uint8)
        label[0, :3], label[1, 1], label[2, 2] = 7, 2, 255
        Image.fromarray(label).save(tmp_path / "0.png")
        (tmp_path / "classes.yaml").write_text("classes: [road, sky]")
        message = re.escape(
            "0.png: holds ids outside the class table of 2 classes: 2 (1 pixels), 7 (3 pixels). Valid ids are "
            "positions in the table, 0 to 1, and 255 for ignored pixels. Change the ids, add the classes to the table, "
            "say there which value a class has (value: 2), or list what is no class (ignore: [255, 2])"
        )
        with pytest.raises(DataError, match=message):
            read_label(tmp_path / "0.png", read_class_table(tmp_path / "classes.yaml").coding)

    def test_truncated(self, tmp_path):
        write_labelled(tmp_path, {"a": 1})
        cut(tmp_path / "labels" / "a" / "f_8.png", 0.7)
        with pytest.raises(DataError, match=r"labels/a/f_8\.png: is a truncated or damaged image"):
            Folder(Folder.Config(root=tmp_path)).read_label(0, 0)

    def test_deleted_after_the_look(self, tmp_path):
        data = Folder(Folder.Config(root=write_labelled(tmp_path, {"a": 1})))
        (tmp_path / "labels" / "a" / "f_8.png").unlink()
        with pytest.raises(DataError, match=r"labels/a/f_8\.png: cannot be read .No such file or directory.\. Copy or"):
            data.read_label(0, 0)

    def test_asked_of_an_unlabelled_frame(self, tmp_path):
        data = Folder(Folder.Config(root=write_labelled(tmp_path, {"a": 2}, labels_from=1)))
        with pytest.raises(
            DataError, match=r"frames/a/f_8\.png: has no label map\. Read label maps of labelled frames only"
        ):
            data.read_label(0, 0)


class TestFolders:
    def test_no_such_folder(self, tmp_path):
        with pytest.raises(
            DataError, match=r"nowhere: no such folder\. Expected <root>/frames/<clip>/\*\.jpg or \*\.png"
        ):
            Folder(Folder.Config(root=tmp_path / "nowhere"))

    @pytest.mark.parametrize("inside", ["frames", "frames/a", "."])
    def test_empty(self, tmp_path, inside):
        (tmp_path / "set" / inside).mkdir(parents=True)
        with pytest.raises(DataError, match=r"holds no frames\. Expected"):
            Folder(Folder.Config(root=tmp_path / "set"))

    @pytest.mark.parametrize(("key", "usual"), [("frames", "frames"), ("labels", "labels")])
    def test_a_folder_that_was_named_is_missed(self, tmp_path, key, usual):
        write_labelled(tmp_path, {"a": 1})
        with pytest.raises(
            DataError, match=rf"stils: no such folder\. '{usual}' names a folder in .*which has: frames, labels"
        ):
            Folder(Folder.Config(root=tmp_path, **{key: "stils"}))

    def test_two_frames_of_one_name(self, tmp_path):
        write_labelled(tmp_path, {"a": 1})
        Image.fromarray(texture()).save(tmp_path / "frames" / "a" / "f_8.jpg")
        with pytest.raises(
            DataError, match=r"frames/a: holds both f_8\.jpg and f_8\.png: two frames with the same name\. Keep one"
        ):
            Folder(Folder.Config(root=tmp_path))

    def test_labels_that_fit_no_frame(self, tmp_path):
        write_labelled(tmp_path, {"a": 1})
        os.rename(tmp_path / "labels" / "a" / "f_8.png", tmp_path / "labels" / "a" / "f_8_ids.png")
        with pytest.raises(
            DataError, match=r"labels: holds no label map of any frame\. The label map of a/f_8\.png would be a/f_8"
        ):
            Folder(Folder.Config(root=tmp_path))

    def test_labels_without_a_class_table(self, tmp_path):
        write_labelled(tmp_path, {"a": 1})
        (tmp_path / "classes.yaml").unlink()
        with pytest.raises(
            DataError, match=r"classes\.yaml: no such file: label maps need a class table.*or set labels: null"
        ):
            Folder(Folder.Config(root=tmp_path))

    def test_a_flow_folder_that_is_not_there(self, tmp_path):
        write_labelled(tmp_path, {"a": 1})
        with pytest.raises(DataError, match=r"nowhere: no such folder\. Give the folder of the stored flow"):
            Folder(Folder.Config(root=tmp_path, flow_root=tmp_path / "nowhere"))

    def test_a_mistyped_setting(self):
        with pytest.raises(ConfigError, match=r"still  unknown key\. Did you mean 'stills'\?"):
            validate(Folder.Config, {"root": ".", "still": True}, "the recipe")


class TestVideos:
    def test_no_such_file(self, tmp_path):
        with pytest.raises(
            DataError, match=r"a\.mp4: no such file or folder\. Give video files, or folders of video files"
        ):
            Video(Video.Config(paths=(tmp_path / "a.mp4",)))

    def test_a_folder_without_videos(self, tmp_path):
        with pytest.raises(
            DataError, match=r"holds no videos\. Expected files that end in \.avi, \.mkv, \.mov, \.mp4, \.we"
        ):
            Video(Video.Config(paths=(tmp_path,)))

    def test_none_named(self):
        with pytest.raises(ConfigError, match="paths"):
            validate(Video.Config, {"paths": []}, "the recipe")

    @pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
    def test_no_video(self, tmp_path, content):
        (tmp_path / "a.mp4").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.mp4: cannot be opened as a video .*Copy the file again, or save the"):
            Video(Video.Config(paths=(tmp_path,)))

    def test_its_head_is_at_its_lost_end(self, tmp_path):
        path = write_video(tmp_path / "a.avi", 20, "mpeg4")
        with pytest.raises(DataError, match=r"a\.avi: "):
            Video(Video.Config(paths=(cut(path, 0.1),)))

    @pytest.mark.parametrize("policy", ["error", "skip"])
    def test_only_its_head_is_there(self, tmp_path, policy):
        path = cut(write_video(tmp_path / "a.mp4", 40), 0.5)
        with pytest.raises(DataError, match=r"a\.mp4: holds no frame that can be decoded\. Copy the file again"):
            Video(Video.Config(paths=(path,), bad_files=policy))

    @pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
    def test_damage_in_the_middle_names_the_frame(self, tmp_path, codec):
        path = write_video(tmp_path / "a.mkv", 40, codec)
        data = Video(Video.Config(paths=(path,)))
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 150] = bytes(150)
        path.write_bytes(content)
        found, whole = [], 0
        for position in range(40):
            try:
                data.read_frame(0, position)
                whole += 1
            except DataError as error:
                found.append(str(error))
        assert found
        assert whole  # what lies before it can still be read
        assert all(
            re.search(r"a\.mkv: frame \d+ of 40 cannot be decoded\. Copy the file again", text) for text in found
        )


def test_a_videos_title_in_another_encoding_than_utf8_does_no_harm(tmp_path):
    """Cameras and phones write names and places so."""
    path = write_video(tmp_path / "drive.mp4", 3)
    with av.open(str(path)) as whole, av.open(str(tmp_path / "titled.mp4"), "w") as titled:
        titled.metadata["title"] = "xxxxxxxx"
        stream = titled.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                titled.mux(packet)
    (tmp_path / "titled.mp4").write_bytes((tmp_path / "titled.mp4").read_bytes().replace(b"x" * 8, b"Stra\xdfe 1"))
    video = Video(Video.Config(paths=(tmp_path / "titled.mp4",)))
    assert len(video.clips[0].frames) == 3
    assert video.read_frame(0, 2).shape[2] == 3


def test_a_video_of_an_unknown_codec_is_told_in_words(tmp_path):
    path = write_video(tmp_path / "drive.mp4", 3)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(DataError, match=r"drive\.mp4: holds video that cannot be decoded\."):
        Video(Video.Config(paths=(path,)))
