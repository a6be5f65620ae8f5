"""Make requests of every mode, and read what they are refused for."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.requests import (
    GenerationRequest,
    ImageToVideo,
    ReferenceToVideo,
    TextToVideo,
)

PROMPT = "A paper boat drifts down a rainy street at dawn."
IMAGE = "https://example.com/boat.png"
OTHER_IMAGE = "https://example.com/street.png"
VIDEO = "https://example.com/drift.mp4"
AUDIO = "https://example.com/rain.mp3"
_CONTENT = base64.b64encode(bytes(range(256)) * 9).decode()
PNG = f"data:image/png;base64,{_CONTENT}"
MP4 = f"data:video/mp4;base64,{_CONTENT}"

#: Takes all that the page's parameter tables allow; 2.0 fast, the page's own model, has no 1080p.
SEEDANCE_2_0 = "doubao-seedance-2-0-260128"
UNKNOWN_MODEL = "seedance-9-0-ultra"

CLASSES: dict[str, type[GenerationRequest]] = {
    "text-to-video": TextToVideo,
    "image-to-video": ImageToVideo,
    "reference-to-video": ReferenceToVideo,
}
#: What each mode cannot do without, besides the prompt.
NEEDED: dict[str, dict[str, Any]] = {
    "text-to-video": {},
    "image-to-video": {"image": IMAGE},
    "reference-to-video": {"images": [IMAGE]},
}


def spelled(value: object) -> str:
    """Return a test's name for a value. pytest escapes backslashes at each collection, so that names would change."""
    return ascii(value).replace("\\", "/")


def make(mode: str, **arguments: Any) -> GenerationRequest:
    """Make a request that is in order but for the arguments."""
    return CLASSES[mode](**{"prompt": PROMPT, **NEEDED[mode], **arguments})


def refusals(request: GenerationRequest) -> list[str]:
    """Return the problem lines of the one message that the request is refused with."""
    with pytest.raises(InvalidRequestError) as caught:
        request.check()
    return re.findall(r"^  - (.*)$", str(caught.value), flags=re.MULTILINE)


def refusal(request: GenerationRequest) -> str:
    """Return the only problem of the request."""
    (line,) = refusals(request)
    return line
