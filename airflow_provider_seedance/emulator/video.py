"""Real MP4 files: H.264, 24 frames a second, with a quiet tone; the same clip always gives the same bytes."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.stream import VideoStream
from PIL import Image

from airflow_provider_seedance.emulator.picture import Look, Motion, look_of, still_layer
from airflow_provider_seedance.gptproto.catalogue import FRAMES_PER_SECOND

_SAMPLES_PER_SECOND = 48_000
#: What one AAC packet holds.
_SAMPLES_PER_PACKET = 1024
_LOUDNESS = 0.04
#: More characters of a prompt fit into no picture, and would only take time.
_READABLE = 2000


@dataclass(frozen=True, slots=True)
class Clip:
    """
    All that decides what a video looks and sounds like.

    :param width: Width in pixels, even.
    :param height: Height in pixels, even.
    :param seconds: Length.
    :param sound: Whether it has an audio stream.
    :param seed: Decides on colours and pitch.
    :param model: Shown in the picture.
    :param prompt: Shown in the picture.
    """

    width: int
    height: int
    seconds: int
    sound: bool
    seed: int
    model: str
    prompt: str


def write_video(clip: Clip, path: Path) -> None:
    """
    Write a clip to a file, which is there only once it is whole.

    :param clip: What to show.
    :param path: File to write.
    """
    part = path.with_suffix(".part")
    look = look_of(clip.seed)
    with av.open(part, "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        _set_up_video(video, clip)
        audio = container.add_stream("aac", rate=_SAMPLES_PER_SECOND, layout="stereo") if clip.sound else None
        if audio is not None:
            audio.codec_context.flags |= av.codec.context.Flags.bitexact
            audio.bit_rate = 64_000
        for frame in _frames(clip, look):
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            for sound in _sounds(clip, look):
                container.mux(audio.encode(sound))
            container.mux(audio.encode())
    part.replace(path)


def _set_up_video(stream: VideoStream, clip: Clip) -> None:
    stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
    stream.gop_size = 2 * FRAMES_PER_SECOND
    context = stream.codec_context
    # More threads would divide the work, and thereby the picture, by the number of processors.
    context.thread_count = 1
    context.flags |= av.codec.context.Flags.bitexact
    context.options = {"preset": "ultrafast", "crf": "30", "x264-params": "threads=1:lookahead-threads=1"}
    context.colorspace = context.color_primaries = context.color_trc = 1
    context.color_range = 1


def _frames(clip: Clip, look: Look) -> Iterator[av.VideoFrame]:
    count = clip.seconds * FRAMES_PER_SECOND
    # The font has ASCII only: what it lacks is spelt out, so that another prompt looks different.
    prompt = clip.prompt[:_READABLE].encode("ascii", "backslashreplace").decode("ascii")
    still = still_layer(clip.width, clip.height, look, prompt, [clip.model, f"seed {clip.seed}"])
    picture: av.VideoFrame = av.VideoFrame.from_image(still)  # type: ignore[no-untyped-call]
    converted = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
    # Planes are padded at the right: the images are as wide as the padded lines.
    background = [Image.frombytes("L", (plane.line_size, plane.height), bytes(plane)) for plane in converted.planes]
    motion = Motion(clip.width, clip.height, count, look)
    for number in range(count):
        planes = [plane.copy() for plane in background]
        motion.draw(planes, number)
        frame = av.VideoFrame(clip.width, clip.height, "yuv420p")
        for target, plane in zip(frame.planes, planes, strict=True):
            target.update(plane.tobytes())
        frame.pts = number
        yield frame


def _sounds(clip: Clip, look: Look) -> Iterator[av.AudioFrame]:
    waves = [_wave(hertz) for hertz in (look.left_hertz, look.right_hertz)]
    # The audio stream must not outlast the picture, so its last packet is full.
    packets = clip.seconds * _SAMPLES_PER_SECOND // _SAMPLES_PER_PACKET
    for packet in range(packets):
        start = packet * _SAMPLES_PER_PACKET % _SAMPLES_PER_SECOND
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=_SAMPLES_PER_PACKET)
        frame.sample_rate = _SAMPLES_PER_SECOND
        frame.pts = packet * _SAMPLES_PER_PACKET
        for plane, wave in zip(frame.planes, waves, strict=True):
            plane.update(wave[start : start + _SAMPLES_PER_PACKET].tobytes())
        yield frame


def _wave(hertz: int) -> array[float]:
    step = 2 * math.pi * hertz / _SAMPLES_PER_SECOND
    # One packet longer than the second, so that no slice runs over its end.
    return array("f", (_LOUDNESS * math.sin(step * each) for each in range(_SAMPLES_PER_SECOND + _SAMPLES_PER_PACKET)))
