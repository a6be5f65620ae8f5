"""Draws the frames of a video: a static background with the prompt, and a moving ball, progress bar and counter."""

from __future__ import annotations

import colorsys
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Vertical positions as fractions of the picture's height.
_PROMPT_BOTTOM = 0.62
_BALL_CENTRE = 0.76
_BAR_TOP = 0.94


@dataclass(frozen=True, slots=True)
class Style:
    """Colours and pitch, derived from a seed."""

    dark: Colour
    light: Colour
    ball: Colour
    left_hertz: int
    right_hertz: int


def style_of(seed: int) -> Style:
    """Return the style for a seed."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    hue = int.from_bytes(digest[:2]) / 65536
    # An integer, so that the wave repeats every second.
    hertz = 180 + digest[2]
    return Style(
        dark=_colour(hue, 0.12, 0.6),
        light=_colour(hue + 0.08 + digest[3] / 1024, 0.38, 0.55),
        ball=_colour(hue + 0.4 + digest[4] / 1280, 0.65, 0.85),
        left_hertz=hertz,
        right_hertz=hertz * 3 // 2,
    )


def _colour(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue % 1, lightness, saturation))
    return red, green, blue


def to_yuv(colour: Colour) -> Colour:
    """Return a colour as BT.709 Y, U and V in the limited range."""
    red, green, blue = (part / 255 for part in colour)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (blue - luma) / 1.8556),
        round(128 + 224 * (red - luma) / 1.5748),
    )


def draw_background(width: int, height: int, style: Style, prompt: str, captions: Sequence[str]) -> Image.Image:
    """
    Draw the static background.

    :param width: Width of the picture.
    :param height: Height of the picture.
    :param style: Colours of the picture.
    :param prompt: Text in the middle, wrapped.
    :param captions: Lines at the top.
    """
    # The crop removes the empty corners of the rotated gradient.
    slope = Image.linear_gradient("L").rotate(30, Image.Resampling.BICUBIC).crop((36, 36, 220, 220))
    picture = Image.composite(
        Image.new("RGB", (width, height), style.light),
        Image.new("RGB", (width, height), style.dark),
        slope.resize((width, height), Image.Resampling.BICUBIC),
    )
    draw = ImageDraw.Draw(picture)
    margin, unit = _measures(width, height)
    small, large = ImageFont.load_default(unit * 0.7), ImageFont.load_default(unit)
    top = float(margin)
    for caption in captions:
        draw.text((margin, top), caption, fill=(205, 210, 220), font=small)
        top += unit
    top += unit * 0.6
    line_count = max(1, int((height * _PROMPT_BOTTOM - top) / (unit * 1.3)))
    for line in wrap(prompt, large, width - 2 * margin, line_count):
        draw.text((margin, top), line, fill=(255, 255, 255), font=large)
        top += unit * 1.3
    left, bar_top, right, bar_bottom = _bar(width, height)
    draw.rectangle((left, bar_top, right - 1, bar_bottom - 1), fill=style.dark)
    return picture


def wrap(text: str, font: _Font, width: float, lines: int) -> list[str]:
    """Wrap text to a width; break words that are too long; mark omitted lines with dots."""
    words = text.split()[::-1]
    wrapped: list[str] = []
    line = ""
    while words and len(wrapped) <= lines:
        word = words.pop()
        joined = f"{line} {word}" if line else word
        if font.getlength(joined) <= width:
            line = joined
        elif line:
            wrapped.append(line)
            words.append(word)
            line = ""
        else:
            end = 1
            while font.getlength(word[: end + 1]) <= width:
                end += 1
            wrapped.append(word[:end])
            words.append(word[end:])
    if line:
        wrapped.append(line)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], f"{wrapped[lines - 1][:-3]}..."]
    return wrapped


class Motion:
    """
    Draws the moving parts directly onto the planes of a YUV 4:2:0 picture.

    :param width: Width of the picture.
    :param height: Height of the picture.
    :param frames: Number of frames.
    :param style: Its colours.
    """

    def __init__(self, width: int, height: int, frames: int, style: Style) -> None:
        self._width, self._height, self._frames = width, height, frames
        self._colour = to_yuv(style.ball)
        self._margin, unit = _measures(width, height)
        self._font = ImageFont.load_default(unit * 0.7)
        size = _even(unit * 2.4)
        disc = Image.new("L", (size * 4, size * 4))
        ImageDraw.Draw(disc).ellipse((0, 0, size * 4 - 1, size * 4 - 1), fill=255)
        self._disc = disc.resize((size, size), Image.Resampling.BOX)
        self._small_disc = disc.resize((size // 2, size // 2), Image.Resampling.BOX)

    def draw(self, planes: Sequence[Image.Image], frame: int) -> None:
        """Draw one frame onto the three planes of the background."""
        size = self._disc.width
        swing = 0.5 - 0.5 * math.cos(2 * math.pi * frame / 72)
        hop = abs(math.sin(2 * math.pi * frame / 48))
        left = _even(self._margin + (self._width - 2 * self._margin - size) * swing)
        top = _even(self._height * _BALL_CENTRE - size / 2 - size * 0.4 * hop)
        bar_left, bar_top, bar_right, bar_bottom = _bar(self._width, self._height)
        bar_right = bar_left + _even((bar_right - bar_left) * (frame + 1) / self._frames)
        for plane, value in zip(planes, self._colour, strict=True):
            half = 1 if plane is planes[0] else 2
            disc = self._disc if half == 1 else self._small_disc
            plane.paste(value, (left // half, top // half), disc)
            plane.paste(value, (bar_left // half, bar_top // half, bar_right // half, bar_bottom // half))
        counter = f"{frame + 1:04} / {self._frames:04}"
        ImageDraw.Draw(planes[0]).text(
            (self._width - self._margin, bar_top), counter, fill=235, font=self._font, anchor="rd"
        )


def _measures(width: int, height: int) -> tuple[int, int]:
    shorter = min(width, height)
    return _even(shorter / 14), max(12, shorter // 18)


def _bar(width: int, height: int) -> tuple[int, int, int, int]:
    margin, _ = _measures(width, height)
    return margin, _even(height * _BAR_TOP), _even(width - margin), _even(height * (_BAR_TOP + 0.02))


def _even(length: float) -> int:
    # In YUV 4:2:0, two pixels share one colour sample.
    return int(length) // 2 * 2
