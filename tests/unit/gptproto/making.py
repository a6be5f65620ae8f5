"""Make requests of every mode, and read the problems of invalid ones."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.catalogue import Validation
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

#: Accepts all values in the page's parameter tables; 2.0 fast, the page's own model, has no 1080p.
SEEDANCE_2_0 = "doubao-seedance-2-0-260128"
UNKNOWN_MODEL = "seedance-9-0-ultra"

CLASSES: dict[str, type[GenerationRequest]] = {
    "text-to-video": TextToVideo,
    "image-to-video": ImageToVideo,
    "reference-to-video": ReferenceToVideo,
}
#: The required arguments of each mode, besides the prompt.
NEEDED: dict[str, dict[str, Any]] = {
    "text-to-video": {},
    "image-to-video": {"image": IMAGE},
    "reference-to-video": {"images": [IMAGE]},
}


def spelled(value: object) -> str:
    """Return a test id for a value. pytest escapes backslashes at each collection, so that ids would change."""
    return ascii(value).replace("\\", "/")


def make(mode: str, **arguments: Any) -> GenerationRequest:
    """Make a valid request with these arguments, which may be invalid."""
    return CLASSES[mode](**{"prompt": PROMPT, **NEEDED[mode], **arguments})


def refusals(request: GenerationRequest) -> list[str]:
    """Check an invalid request, and return the problem lines of the message."""
    with pytest.raises(InvalidRequestError) as caught:
        request.check()
    return re.findall(r"^  - (.*)$", str(caught.value), flags=re.MULTILINE)


def warnings(request: GenerationRequest, validation: Validation = "strict") -> list[str]:
    """Check a valid request, and return its warnings."""
    return list(request.check(validation).warnings)


def refusal(request: GenerationRequest) -> str:
    """Check a request with one problem, and return its line."""
    (line,) = refusals(request)
    return line
