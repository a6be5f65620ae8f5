"""The operators, one for each mode of the API: its media, and its request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_seedance.gptproto.modes import Mode
from airflow_provider_seedance.operators.base import SeedanceBaseOperator
from airflow_provider_seedance.operators.parsing import check_constants

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import ObjectStoragePath, XComArg

    from airflow_provider_seedance.gptproto.requests import ImageToVideo, ReferenceToVideo, TextToVideo

    #: A media argument: a URL, a data URI, a file, or the output of another task that is one of these.
    Medium: TypeAlias = str | os.PathLike[str] | ObjectStoragePath | XComArg


class SeedanceTextToVideoOperator(SeedanceBaseOperator):
    """Make a video from a prompt. Parameters as in :class:`SeedanceBaseOperator`."""

    mode = Mode.TEXT_TO_VIDEO

    def build_request(self) -> TextToVideo:
        """Return the request of the rendered arguments."""
        from airflow_provider_seedance.gptproto.requests import TextToVideo

        return TextToVideo(**self.common_parameters())


class SeedanceImageToVideoOperator(SeedanceBaseOperator):
    """
    Make a video that begins with an image, and may end with another.

    Further parameters as in :class:`SeedanceBaseOperator`.

    :param image: The first frame: an http(s) URL, a data URI, or a file: a path on the worker, or a URI
        for ``ObjectStoragePath``, such as ``s3://aws_conn@bucket/key``. A file is read on the worker, checked, and sent
        as a data URI. So a person who can set this argument, or the values that its template renders, can send the
        service any image that the worker can read. (templated)
    :param last_image: The last frame, in the same forms. (templated)
    :param is_upload_media: Whether the media are base64, data URIs or files; ``None`` derives it. (templated)
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
        # Any, because rendering replaces templates and outputs of other tasks by values.
        self.image: Any = image
        self.last_image: Any = last_image
        self.is_upload_media: Any = is_upload_media
        check_constants(self)

    def build_request(self) -> ImageToVideo:
        """Return the request of the rendered arguments."""
        from airflow_provider_seedance.gptproto.requests import ImageToVideo

        return ImageToVideo(
            **self.common_parameters(),
            image=self.image,
            last_image=self.last_image,
            is_upload_media=self.is_upload_media,
        )


class SeedanceReferenceToVideoOperator(SeedanceBaseOperator):
    """
    Make a video that takes its subject, style, motion or sound from references.

    At least one image or video is needed; 2.5 takes sounds alone, with a warning. Further parameters as in
    :class:`SeedanceBaseOperator`.

    :param images: Up to 10 images of the subject, scene or style (2.5: more, with a warning): http(s) URLs, data URIs,
        or files: paths on the worker, or URIs for ``ObjectStoragePath``, such as ``s3://aws_conn@bucket/key``. Files
        are read on the worker, checked, and sent as data URIs. So a person who can set this argument, or the values
        that its template renders, can send the service any image that the worker can read. (templated)
    :param videos: Reference clips, in the same forms. (templated)
    :param audios: Reference sounds, in the same forms; except on 2.5 an image or a video is needed with them.
        (templated)
    :param is_upload_media: Whether the media are base64, data URIs or files; ``None`` derives it. (templated)
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
        # Any, because rendering replaces templates and outputs of other tasks by values.
        self.images: Any = images
        self.videos: Any = videos
        self.audios: Any = audios
        self.is_upload_media: Any = is_upload_media
        check_constants(self)

    def build_request(self) -> ReferenceToVideo:
        """Return the request of the rendered arguments."""
        from airflow_provider_seedance.gptproto.requests import ReferenceToVideo

        return ReferenceToVideo(
            **self.common_parameters(),
            images=self.images,
            videos=self.videos,
            audios=self.audios,
            is_upload_media=self.is_upload_media,
        )
