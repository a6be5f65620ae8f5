"""A price as text, and the prompt flags that change the bill."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_seedance.gptproto.prices import Price, billed_flags
from tests.unit.gptproto.making import spelled


@pytest.mark.parametrize(
    ("prompt", "flags"),
    [
        ("A boat --dur 12", ["--dur"]),
        ("A boat --duration 12", ["--duration"]),
        ("A boat --rs 1080p", ["--rs"]),
        ("A boat --resolution 1080p", ["--resolution"]),
        ("A boat --fps 60", ["--fps"]),
        ("A boat --framespersecond 60", ["--framespersecond"]),
        ("--dur 12 A boat", ["--dur"]),
        ("A boat --dur=12", ["--dur"]),
        ("A boat --dur12", ["--dur"]),
        ("A boat --dur", ["--dur"]),
        ("A boat   --dur   12", ["--dur"]),
        ("A boat\n--dur\t12", ["--dur"]),
        ("A boat\N{NO-BREAK SPACE}--dur\N{NO-BREAK SPACE}12", ["--dur"]),
        ("A boat --DUR 12 --Dur 5", ["--dur"]),
        ("A boat \N{EM DASH}dur 12 \N{EN DASH}rs 1080p", ["--dur", "--rs"]),
        ("\u8239 \N{EM DASH}\N{EM DASH}rs 1080p", ["--rs"]),
        # These cost the same, as do the arguments of the same meaning.
        ("A boat --ratio 16:9 --rt 1:1 --seed 7 --watermark true --camerafixed false", []),
        # No flags: inside a word, another word, or spelt otherwise.
        ("A boat--dur 12", []),
        ("A boat --durable --rsvp --resolution-free", []),
        ("A boat -dur 12 - -dur 12 -- dur 12", []),
        ("A boat of dur 12, in a resolution of 1080p", []),
        ("The sea \N{EM DASH} duration of a dream", []),
        ("", []),
    ],
    ids=spelled,
)
def test_flag_that_changes_the_bill_is_found(prompt: str, flags: list[str]) -> None:
    assert billed_flags(prompt) == flags


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Price(estimate=Decimal("0.499"), highest=Decimal("0.499")), "about 0.50 USD at list price"),
        (
            # A limit of 1.45 USD would be too low.
            Price(estimate=Decimal("0.5"), highest=Decimal("1.4501"), raised_by=("duration=-1", "sound")),
            "about 0.50 USD at list price, and up to 1.46 USD because of duration=-1 and sound",
        ),
        (
            Price(estimate=Decimal("0.5"), highest=None, unbounded_by=("extra_parameters", "prompt flag --rs")),
            "about 0.50 USD at list price, without an upper limit because of extra_parameters and prompt flag --rs",
        ),
        (Price(estimate=None, highest=None, unbounded_by=("model 'a'",)), "unknown because of model 'a'"),
    ],
)
def test_price_as_text_has_both_amounts_and_the_reasons(price: Price, text: str) -> None:
    assert str(price) == text
