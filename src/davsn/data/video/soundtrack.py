"""The audio of a video, copied into another video."""

import io
from pathlib import Path
from typing import Any

import av

from davsn.core.console import say
from davsn.data.video.containers import opened


class Soundtrack:
    """The audio streams of a video, for a video made from its frames.

    Args:
        path: the video with the audio.
        begin: when its first frame is shown, in seconds of the file's clock.
    """

    def __init__(self, path: Path, begin: float) -> None:
        self._path, self._begin = path, begin
        self._outputs: dict[int, Any] = {}
        self._resamplers: dict[int, Any] = {}
        self._latest: dict[int, int] = {}

    def open(self, output: Any) -> float:
        """Add the audio streams to an output video that has no packet yet.

        Audio of a codec that the output's format cannot hold is encoded as AAC, and a line says so.

        Args:
            output: the open output container.

        Returns:
            the seconds after the output's begin at which the first frame is shown: audio may begin before the frames.
        """
        self._input = opened(self._path)
        for stream in self._input.streams.audio:
            if stream.codec_context is None:
                continue  # FFmpeg has no decoder for it
            name, audio = stream.codec_context.codec.canonical_name, stream.codec_context
            if _holds(output, stream):
                self._outputs[stream.index] = output.add_stream_from_template(stream)
                continue
            say(f"{self._path.name}: the output's format holds no {name} audio; it is encoded as AAC")
            layout = "mono" if audio.channels == 1 else "stereo"  # Matroska may say only how many channels there are
            self._outputs[stream.index] = output.add_stream("aac", rate=audio.sample_rate, layout=layout)
            self._resamplers[stream.index] = av.AudioResampler("fltp", layout, audio.sample_rate, 1024)
        chosen = [stream for stream in self._input.streams.audio if stream.index in self._outputs]
        self._packets = iter(self._input.demux(chosen)) if chosen else iter(())
        self._next = self._read()
        # Audio before time 0 is what its decoder needs to begin; it is not heard.
        self._origin = self._begin if self._next is None else min(self._begin, max(_time(self._next), 0.0))
        return self._begin - self._origin

    def copy(self, output: Any, until: float) -> None:
        """Write the packets that begin before a time.

        Args:
            output: the open output container.
            until: seconds after the first frame.

        Raises:
            FFmpegError, OSError: the packets cannot be written.
        """
        while self._next is not None and _time(self._next) < self._begin + until:
            packet, self._next = self._next, self._read()
            if packet.stream_index in self._resamplers:
                self._encode(output, packet.stream_index, packet.decode())
            else:
                self._copy(output, packet)

    def finish(self, output: Any) -> None:
        """Write the audio that the encoders still hold."""
        for index, resampler in self._resamplers.items():
            for frame in (*resampler.resample(None), None):
                output.mux(self._outputs[index].encode(frame))

    def _copy(self, output: Any, packet: Any) -> None:
        target = self._outputs[packet.stream_index]
        shift = round(self._origin / packet.time_base)
        packet.dts = (packet.pts if packet.dts is None else packet.dts) - shift
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        if packet.dts <= self._latest.get(target.index, packet.dts - 1):
            return  # a format refuses times that go back, as in recordings put together
        self._latest[target.index] = packet.dts
        packet.stream = target
        output.mux(packet)

    def _encode(self, output: Any, index: int, frames: list[Any]) -> None:
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(self._origin / frame.time_base)
            for part in self._resamplers[index].resample(frame):
                output.mux(self._outputs[index].encode(part))

    def close(self) -> None:
        """Close the file with the audio."""
        self._input.close()

    def _read(self) -> Any:
        """The next packet that is heard, or None."""
        try:
            return next((one for one in self._packets if one.size and not one.is_discard and _known(one)), None)
        except av.FFmpegError:  # the audio ends where the file is damaged
            return None


def _holds(output: Any, stream: Any) -> bool:
    """Whether the output's format can hold the audio of a stream as it is.

    A format lists codecs whose header it then refuses, such as Opus in MOV; so the header is written on trial. MP4 with
    uncompressed audio is written, but most players do not play it.
    """
    name, form = stream.codec_context.codec.canonical_name, output.format.name
    if name not in output.supported_codecs or (form == "mp4" and name.startswith("pcm_")):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=form) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _known(packet: Any) -> bool:
    return packet.pts is not None or packet.dts is not None


def _time(packet: Any) -> float:
    """When a packet is heard, in seconds."""
    return float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
