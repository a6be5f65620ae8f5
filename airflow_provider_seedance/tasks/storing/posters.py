"""The poster of a stored video: its first frame, as a JPEG image beside it. It needs the extra ``poster``, PyAV."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.errors import InvalidTransferError
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.tasks.storing.object_storage import store_beside

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

EXTRA = "airflow-provider-seedance[poster]"
#: Bytes that are read at once: usually enough for the header and the first frame.
_BLOCK = 1024 * 1024
#: The quality of the image, from 1 (best) to 31.
_QUANTIZER = 3


def require_extra() -> None:
    """
    Check that the package of the extra ``poster`` can be used.

    :raises InvalidTransferError: With the command that installs it.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        what = f"poster: True needs the package av on the worker, and it cannot be imported ({error})"
        advice = f'Nothing was downloaded. Install it on every worker, pip install "{EXTRA}", or set poster=False.'
        raise InvalidTransferError(what, advice=advice) from None


def store_poster(video: ObjectStoragePath, *, overwrite: bool, log: Log) -> str | None:
    """
    Store the poster of a video beside it, and return its path; ``None`` with a warning if that fails.

    :param video: The stored video, ``boat.mp4``; its poster is ``boat.jpg``.
    :param overwrite: Whether another file with that name is replaced.
    :param log: Receives the warning.
    """
    target = video.with_name(f"{video.name.removesuffix('.mp4')}.jpg")
    try:
        store_beside(_jpeg(_first_frame(video)), target, media_type="image/jpeg", overwrite=overwrite)
    except Exception as error:  # any error of FFmpeg or of the store: the video is stored
        log.warning("%s has no poster: %s", video, error)
        return None
    return str(target)


def _first_frame(video: ObjectStoragePath) -> Any:
    """Return the first frame of a video. Only the parts of the file that this needs are read."""
    import av

    fs: Any = video.fs
    # Files of other formats than MP4 and QuickTime can name files and addresses, which FFmpeg would open.
    with fs.open(video.path, "rb", block_size=_BLOCK) as file, av.open(file, format="mp4") as container:
        for stream in container.streams.video:
            if stream.codec_context is None:  # a codec that FFmpeg cannot decode
                continue
            # Each further thread holds a frame.
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                return frame
    raise ValueError("it has no frame that can be decoded")


def _jpeg(frame: Any) -> bytes:
    """Return a frame as a JPEG image."""
    import av

    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.qmin = encoder.qmax = _QUANTIZER
    # JFIF, section "Color space": BT.601 with the full range.
    image = frame.reformat(format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG")
    image.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(image), *encoder.encode()])
