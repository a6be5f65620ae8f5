"""
The price of a generation as a range: the list price, and the most that the service can bill.

GPTProto's list has one price for a second of video, by model and resolution. ByteDance, whose models GPTProto resells,
bills more in the cases below (its Ark documentation). It is not known whether GPTProto passes that on, so it raises the
highest price and not the estimate:

- **Reference clips.** Tokens are billed for ``(input + output seconds) x width x height x 24 / 1024``, each at a lower
  price (:data:`CLIP_RATE`), and at least for 5/3 of the output, which is about the list price. The length of the clips
  is not known here, so the limit assumes the longest that the model takes.
- **Sound** doubles the price of 1.5 pro.
- With **duration=-1** the model chooses the length: the estimate assumes the default, the limit the longest.
- A **duration below the model's range** is sent with ``validation="warn"`` only. The service may bill the shortest
  video that the model makes, so the limit assumes it. A duration above the range is billed as it is.

There is no highest price without a list price, with ``extra_parameters``, because their effect is not known, with
prompt flags that override the arguments (:func:`billed_flags`), and with more clips than the model is known to take.

The list prices are in :mod:`~airflow_provider_seedance.gptproto.catalogue`, whose ``estimate_cost`` returns a price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

#: Price of a token in a request with reference clips, as a share of the usual price. Upstream 4 s of video from clips
#: of 15 s cost 2.9 times the list price, for (15 + 4) / 4 times the tokens: 2.9 x 4 / 19, rounded up to stay a limit.
#: So 4 s from clips of 30 s (2.5) cost at most 5.2 times the list price; the documented figure is 5 times.
CLIP_RATE = Decimal("0.611")

# Flags that do not change the list price, such as --ratio and --seed, are left out, as are the arguments of that name.
# Word processors replace "--" by a dash, which upstream may read, too.
_BILLED_FLAG = re.compile(
    r"(?<!\S)(?:--|[\u2013\u2014]{1,2})"
    r"(?P<name>duration|dur|frames|framespersecond|fps|resolution|rs)(?![a-z_-])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """
    The price of one generation in USD.

    :param estimate: The list price; ``None`` if none is published.
    :param highest: The most that the service can bill; ``None`` if there is no such limit.
    :param raised_by: Why ``highest`` is above ``estimate``, e.g. ``("reference clips",)``.
    :param unbounded_by: Why there is no ``highest``, e.g. ``("extra_parameters", "prompt flag --dur")``.
    """

    estimate: Decimal | None
    highest: Decimal | None
    raised_by: tuple[str, ...] = ()
    unbounded_by: tuple[str, ...] = ()

    def is_within(self, max_cost: float | None) -> bool:
        """Return whether the service cannot bill more than ``max_cost`` USD; ``None`` is no limit."""
        return max_cost is None or (self.highest is not None and self.highest <= Decimal(str(max_cost)))

    def __str__(self) -> str:
        if self.estimate is None:
            return f"unknown because of {' and '.join(self.unbounded_by)}"
        listed = f"about {self.estimate:.2f} USD at list price"
        if self.highest is None:
            return f"{listed}, without an upper limit because of {' and '.join(self.unbounded_by)}"
        if self.raised_by:
            return f"{listed}, and up to {cents(self.highest)} USD because of {' and '.join(self.raised_by)}"
        return listed


def cents(usd: Decimal) -> Decimal:
    """Return an amount rounded up to whole cents, so that it is enough as a limit."""
    return usd.quantize(Decimal("0.01"), rounding=ROUND_CEILING)


def billed_flags(prompt: str) -> list[str]:
    """
    Return the flags in a prompt that change the bill on Seedance 1.x, e.g. ``--dur``, each once.

    A flag begins the prompt or follows white space, in any case. Its value is not checked, because it is not known what
    upstream does with an invalid one. Seedance 2.x takes its parameters from the arguments only: there a flag is a part
    of the prompt like any other word.
    """
    return list(dict.fromkeys(f"--{found['name'].lower()}" for found in _BILLED_FLAG.finditer(prompt)))
