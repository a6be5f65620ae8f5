"""
Verdicts: what the words and codes of an error say about its cause. One table, English and Chinese, without I/O.

Sources: error codes of ByteDance's Ark documentation, GPTProto's page, and messages in public reports about gateways of
this family. Matched is folded text: camelCase and separators become single spaces, so ``InsufficientBalance``,
``insufficient_balance`` and "Insufficient balance" are one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import Enum, auto

#: Characters of a body that are read for a verdict. The words of a refusal stand at its beginning.
_MAXIMUM_TEXT = 100_000
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[\s_.:/-]+")


class Verdict(Enum):
    """The cause of an error."""

    CHECK_FAILED = auto()
    BALANCE = auto()
    SOUND = auto()
    CONTENT = auto()
    ARGUMENTS = auto()
    CAPACITY = auto()


#: The first match counts. A check that failed names the check; a wallet's message names nothing else.
_PATTERNS: Mapping[Verdict, re.Pattern[str]] = {
    Verdict.CHECK_FAILED: re.compile(
        r"content ?security ?detection ?error"
        r"|(moderation|content check|safety check|content security)( service| api)? ?"
        r"(is |was )?(temporarily )?(unavailable|timed out|timeout|internal error|not reachable)"
        r"|(审核|检测)(服务|接口|系统)?(出现|发生)?(异常|超时|不可用|出错|内部错误)"
    ),
    Verdict.BALANCE: re.compile(
        r"insufficient ?((account|user|token|remaining|available) ?)?(balance|quota|credit|fund)"
        r"|(not enough|no|low) ((account|user|token|remaining|available) )?(balance|quota|credits?|funds)\b"
        r"|(balance|quota|credits?|funds) (is |are |has been )?(not enough|insufficient|too low|exhausted|used up)"
        r"|account ?(is |has been )?overdue|overdue ?(balance|payment|bill|error)|payment (is )?(overdue|required)"
        r"|\barrears\b"
        r"|exceeded your current quota|exhausted (its|your|the) .{0,20}(quota|credits?|balance)"
        r"|out of credits?|billing (hard limit|not active)|\btop ?up\b|\brecharge\b"
        r"|(?<!并发)(?<!请求)(?<!退还)(?<!返还)(?<!退回)(额度|余额|积分)(?!.{0,6}[退返])|欠费"
    ),
    Verdict.CONTENT: re.compile(
        r"sensitive ?(content|info|word|material|data|topic)|risk ?(detection|control)|content ?polic|policy ?violation"
        r"|safety (concern|polic|system|filter)|content ?filter|moderation|real ?(person|people|human)|copyright"
        r"|violat\w*.{0,40}(rule|polic|guideline|term|standard)|flagged (as|by|for)|inappropriate|nsfw"
        r"|prohibited content"
        r"|(content|prompt|image|video|audio|text|input|output) (was |is |has been )?(blocked|flagged|censored)"
        r"|敏感|违规|审核|版权|违法|涉黄|色情|不合规|真人|肖像"
    ),
    Verdict.ARGUMENTS: re.compile(
        r"invalid ?(parameter|argument|param\b)|invalid ?request|missing ?(parameter|param\b|argument)"
        r"|(parameter|argument|format).{0,60}(not valid|invalid|not supported|not allowed|out of range|required)"
        r"|unsupported ?(parameter|value|resolution|ratio|duration)|validation ?error|task ?type ?(constraint|mismatch)"
        r"|参数.{0,12}(错误|无效|非法|不合法|有误|不支持|校验)|(无效|非法|不支持)的?参数"
    ),
    Verdict.CAPACITY: re.compile(
        r"no available (channel|account|node|resource|instance|model|provider)|overload"
        r"|(no|out of|insufficient|at|not enough) (\w+ )?capacity"
        r"|service (is )?(temporarily |currently )?(un|not )available|resources? (is |are )?exhausted"
        r"|\bbusy\b|无可用渠道|没有可用|负载|繁忙|服务.{0,4}不可用|容量不足"
    ),
}
#: A refused output sound is cured by ``generate_audio=false``; a refused input sound is not.
_SOUND = re.compile(r"(output|generated) ?(audio|sound)|(audio|sound) output|(输出|生成)的?(音频|声音)")
#: Single words that mean the wallet only beside HTTP 402 and 403.
_WALLET_WORDS = re.compile(r"balance|quota|credit|arrears|overdue|top ?up|recharge")


def find_verdict(text: str) -> Verdict | None:
    """Return the verdict in the messages and codes of an error, or ``None`` if they name no known cause."""
    folded = _fold(text)
    found = next((verdict for verdict, pattern in _PATTERNS.items() if pattern.search(folded)), None)
    return Verdict.SOUND if found is Verdict.CONTENT and _SOUND.search(folded) else found


def mentions_wallet(text: str) -> bool:
    """Return whether a text has a word about money, which tells an empty wallet from a missing permission."""
    return _WALLET_WORDS.search(_fold(text)) is not None


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text[:_MAXIMUM_TEXT])
    return _SEPARATORS.sub(" ", _WORD_START.sub(" ", plain)).lower()
