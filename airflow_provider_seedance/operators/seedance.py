"""The operators, one for each mode of the API: what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_seedance.gptproto.catalogue import Mode
from airflow_provider_seedance.operators.base import SeedanceBaseOperator


class SeedanceTextToVideoOperator(SeedanceBaseOperator):
    """Make a video from a prompt. Parameters as in :class:`SeedanceBaseOperator`."""

    mode = Mode.TEXT_TO_VIDEO


class SeedanceImageToVideoOperator(SeedanceBaseOperator):
    """
    Make a video that begins with an image, and may end with another.

    Further parameters as in :class:`SeedanceBaseOperator`.

    :param image: The first frame: an http(s) URL or a data URI. (templated)
    :param last_image: The last frame, likewise. (templated)
    :param is_upload_media: Whether the media are base64 or data URIs; ``None`` finds it out. (templated)
    """

    mode = Mode.IMAGE_TO_VIDEO
    template_fields = (*SeedanceBaseOperator.template_fields, "image", "last_image", "is_upload_media")

    def __init__(
        self,
        *,
        image: str,
        last_image: str | None = None,
        is_upload_media: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.last_image = last_image
        self.is_upload_media = is_upload_media


class SeedanceReferenceToVideoOperator(SeedanceBaseOperator):
    """
    Make a video that takes its subject, style, motion or sound from references.

    At least one image or video is needed. Further parameters as in :class:`SeedanceBaseOperator`.

    :param images: Up to 10 images of the subject, scene or style: http(s) URLs or data URIs. (templated)
    :param videos: Reference clips, likewise. (templated)
    :param audios: Reference sounds, likewise; never alone. (templated)
    :param is_upload_media: Whether the media are base64 or data URIs; ``None`` finds it out. (templated)
    """

    mode = Mode.REFERENCE_TO_VIDEO
    template_fields = (*SeedanceBaseOperator.template_fields, "images", "videos", "audios", "is_upload_media")

    def __init__(
        self,
        *,
        images: Sequence[str] | str | None = None,
        videos: Sequence[str] | str | None = None,
        audios: Sequence[str] | str | None = None,
        is_upload_media: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.images = images
        self.videos = videos
        self.audios = audios
        self.is_upload_media = is_upload_media
