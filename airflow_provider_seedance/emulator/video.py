"""Writes MP4 files: H.264, 24 frames per second, optionally a quiet tone; deterministic, byte by byte."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.stream import VideoStream
from PIL import Image

from airflow_provider_seedance.emulator.picture import Motion, Style, draw_background, style_of
from airflow_provider_seedance.gptproto.catalogue import FRAMES_PER_SECOND

_SAMPLES_PER_SECOND = 48_000
#: Fixed by AAC.
_SAMPLES_PER_PACKET = 1024
_LOUDNESS = 0.04
#: The rest of a longer prompt does not fit into the picture.
_MAXIMUM_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Clip:
    """
    The parameters of a video file; equal clips have equal bytes.

    :param width: Width in pixels, even.
    :param height: Height in pixels, even.
    :param seconds: Duration.
    :param sound: Whether it has an audio stream.
    :param seed: Sets colours and pitch.
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
    Write a clip to a file; the file appears under its name only when it is complete.

    :param clip: Parameters of the video.
    :param path: File to write.
    """
    part = path.with_suffix(".part")
    style = style_of(clip.seed)
    with av.open(part, "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        _set_up_video(video, clip)
        audio = container.add_stream("aac", rate=_SAMPLES_PER_SECOND, layout="stereo") if clip.sound else None
        if audio is not None:
            audio.codec_context.flags |= av.codec.context.Flags.bitexact
            audio.bit_rate = 64_000
        for frame in _frames(clip, style):
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            for sound in _sounds(clip, style):
                container.mux(audio.encode(sound))
            container.mux(audio.encode())
    part.replace(path)


def _set_up_video(stream: VideoStream, clip: Clip) -> None:
    stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
    stream.gop_size = 2 * FRAMES_PER_SECOND
    context = stream.codec_context
    # With more threads, the bytes depend on the number of processors.
    context.thread_count = 1
    context.flags |= av.codec.context.Flags.bitexact
    context.options = {"preset": "ultrafast", "crf": "30", "x264-params": "threads=1:lookahead-threads=1"}
    context.colorspace = context.color_primaries = context.color_trc = 1
    context.color_range = 1


def _frames(clip: Clip, style: Style) -> Iterator[av.VideoFrame]:
    count = clip.seconds * FRAMES_PER_SECOND
    # The font has ASCII only; escape other characters, so that different prompts give different pictures.
    prompt = clip.prompt[:_MAXIMUM_CHARACTERS].encode("ascii", "backslashreplace").decode("ascii")
    image = draw_background(clip.width, clip.height, style, prompt, [clip.model, f"seed {clip.seed}"])
    picture: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    converted = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
    # The lines of a plane are padded at the right; the images include the padding.
    background = [Image.frombytes("L", (plane.line_size, plane.height), bytes(plane)) for plane in converted.planes]
    motion = Motion(clip.width, clip.height, count, style)
    for number in range(count):
        planes = [plane.copy() for plane in background]
        motion.draw(planes, number)
        frame = av.VideoFrame(clip.width, clip.height, "yuv420p")
        for target, plane in zip(frame.planes, planes, strict=True):
            target.update(plane.tobytes())
        frame.pts = number
        yield frame


def _sounds(clip: Clip, style: Style) -> Iterator[av.AudioFrame]:
    waves = [_wave(hertz) for hertz in (style.left_hertz, style.right_hertz)]
    # Only full packets, so that the audio stream is not longer than the video stream.
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
    # One second plus one packet, so that every slice is complete.
    return array("f", (_LOUDNESS * math.sin(step * each) for each in range(_SAMPLES_PER_SECOND + _SAMPLES_PER_PACKET)))
