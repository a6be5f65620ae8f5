"""The operators, one for each mode of the API: what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_seedance.gptproto.catalogue import Mode
from airflow_provider_seedance.operators.base import SeedanceBaseOperator

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import ObjectStoragePath, XComArg

    #: What a media argument takes: a URL, a data URI, or a file, or another task's output that is one.
    Medium: TypeAlias = str | os.PathLike[str] | ObjectStoragePath | XComArg


class SeedanceTextToVideoOperator(SeedanceBaseOperator):
    """Make a video from a prompt. Parameters as in :class:`SeedanceBaseOperator`."""

    mode = Mode.TEXT_TO_VIDEO


class SeedanceImageToVideoOperator(SeedanceBaseOperator):
    """
    Make a video that begins with an image, and may end with another.

    Further parameters as in :class:`SeedanceBaseOperator`.

    :param image: The first frame: an http(s) URL, a data URI, or a file: a path on the worker, or whatever
        ``ObjectStoragePath`` takes, such as ``s3://aws_conn@bucket/key``. A file is read where the task runs, checked,
        and sent as a data URI. Whoever can set this argument, or what its template renders, can so send the service
        any image that the worker can read. (templated)
    :param last_image: The last frame, likewise. (templated)
    :param is_upload_media: Whether the media are base64, data URIs or files; ``None`` finds it out. (templated)
    """

    mode = Mode.IMAGE_TO_VIDEO
    template_fields = (*SeedanceBaseOperator.template_fields, "image", "last_image", "is_upload_media")

    def __init__(
        self,
        *,
        image: Medium,
        last_image: Medium | None = None,
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

    :param images: Up to 10 images of the subject, scene or style: http(s) URLs, data URIs, or files: paths on the
        worker, or whatever ``ObjectStoragePath`` takes, such as ``s3://aws_conn@bucket/key``. Files are read where the
        task runs, checked, and sent as data URIs. Whoever can set this argument, or what its template renders, can so
        send the service any image that the worker can read. (templated)
    :param videos: Reference clips, likewise. (templated)
    :param audios: Reference sounds, likewise; never alone. (templated)
    :param is_upload_media: Whether the media are base64, data URIs or files; ``None`` finds it out. (templated)
    """

    mode = Mode.REFERENCE_TO_VIDEO
    template_fields = (*SeedanceBaseOperator.template_fields, "images", "videos", "audios", "is_upload_media")

    def __init__(
        self,
        *,
        images: Sequence[Medium] | Medium | None = None,
        videos: Sequence[Medium] | Medium | None = None,
        audios: Sequence[Medium] | Medium | None = None,
        is_upload_media: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.images = images
        self.videos = videos
        self.audios = audios
        self.is_upload_media = is_upload_media
