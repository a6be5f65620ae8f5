"""
Verdicts: what the words and codes of an error say about its cause. One table, English and Chinese, without I/O.

Sources: error codes of ByteDance's Ark documentation, GPTProto's page, and messages in public reports about gateways of
this family. Matched is folded text: camelCase and separators become single spaces, so ``InsufficientBalance``,
``insufficient_balance`` and "Insufficient balance" are one.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from enum import Enum, auto

#: Characters of a body that are read for a verdict; a message can repeat a long prompt before its reason.
_MAXIMUM_TEXT = 20_000
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
    LOST = auto()


_CHECK = r"(moderation|content (check|security|safety|review)|safety check(er)?|risk control)"
_MONEY = r"(balance|quota|credits?|funds?)"
_LIMIT = r"(spending|budget|billing|credit|set|inference) ?(hard )?(limit|cap)"
#: A quota of a machine, or of a rate, is no wallet.
_NOT_A_MACHINES = "".join(
    rf"(?<!{word} )"
    for word in ("rate", "requests", "minute", "second", "storage", "disk", "memory", "cpu", "gpu", "node", "volume")
)
_PERSON = r"(person|people|human|individual)"
#: Words after "minor" and "child" that make them no persons.
_HARMLESS = (
    r"(?! (\w+ )?(error|issue|glitch|delay|version|fault|bug|change|artifact|problem|warning|process|task|job|node))"
)
#: What an author chooses. "Video" alone is the output.
_ARGUMENT = (
    r"\b(parameter|argument|param|field|format|duration|resolution|ratio|seed|prompt|image|audio|media|file|url"
    r"|(input|reference) video|dimension)s?\b"
)
#: Media of a request; a video without such a word is the output, and "image" may be part of a machine's name.
_INPUT = (
    r"((the|an|a|your|from) ){0,3}((image|audio) ?url"
    r"|(input|reference|source|uploaded|provided|user|first|last) (image|video|audio|media|frame|file|url)"
    r"|image(?! (\w+ )?(model|encoder|decoder|generation|generator|processor|service|worker|registry)))s?\b"
)
#: A download that failed for a reason that passes says nothing about the address.
_LASTING = r"(?!.{0,120}(time ?d? ?out|timeout|reset|refused|later|temporar|\b5\d\d\b|deadline|超时|稍后))"
_WRONG = (
    r"(not (a )?valid|invalid|(not|un) ?supported|not allowed|not within|out of range|required"
    r"|too (large|small|long|short|big)|must be|should be|exceeds?)"
)
_SYSTEM = r"(model|service|server|system|cluster|provider|channel|node|upstream)"
#: The first match counts. A check that failed names the check; a wallet's message names nothing else.
#: They are compiled when an error is read, which most tasks never do.
_PATTERNS: Mapping[Verdict, str] = {
    Verdict.CHECK_FAILED: (
        r"content ?security ?detection ?error"
        rf"|{_CHECK}( (service|system|api|request|endpoint|is|was|has|temporarily|failed|upstream))*"
        r" (unavailable|timed ?out|timeout|(internal|system|service|server) error|not reachable|unreachable|busy)"
        rf"|{_CHECK} (request failed|(service|system|api) error)"
        r"|(failed|unable|could not|cannot|errors?|error while) (to )?"
        r"(check|verify|reach|run|call|moderate|checking|verifying|running|calling)"
        r" (the )?(content|safety|moderation|prompt)"
        r"|(审核|检测|风控|内容安全)(服务|接口|系统|请求)?(出现|发生)?(异常|超时|不可用|出错|内部错误|繁忙|失败[^改]{0,4}重试)"
    ),
    Verdict.BALANCE: (
        rf"insufficient ?((account|user|token|remaining|available) ?)?{_MONEY}"
        rf"|(not enough|no|low) ((account|user|token|remaining|available) )?{_MONEY}\b"
        rf"|(do not|n.?t) have (enough|sufficient|any) {_MONEY}"
        rf"|{_NOT_A_MACHINES}{_MONEY} (is |are |has been )?(not enough|insufficient|too low|exhausted|used up)"
        rf"|{_NOT_A_MACHINES}quota ?exceeded(?!.{{0,60}}(per (second|minute)|\b(disk|storage|node|memory)\b))"
        r"|\b(wallet|balance) (is |was )?(now )?(empty|zero|negative|depleted)"
        r"|(add|buy|purchase) (more )?(credits|funds)\b|\bnon ?payment|unpaid (bill|invoice|balance)"
        r"|account ?(is |has been )?overdue|overdue ?(balance|payment|bill|error)|payment (is )?(overdue|required)"
        rf"|\barrear(s|age)\b|{_LIMIT}( has been| is| was)? ?(reached|exceeded)|reached .{{0,20}}{_LIMIT}"
        rf"|exceeded your current quota|exhausted ((its|your|the) .{{0,20}})?{_MONEY}"
        rf"|out of {_MONEY}|billing not active|\btop ?up\b|\brecharge\b|free (trial|tier|quota) (has )?(ended|expired)"
        r"|(?<!并发)(?<!请求)(?<!存储)(?<!磁盘)(?<!退还)(?<!返还)(?<!退回)(额度|余额|积分)(?!.{0,6}[退返])"
        r"|欠费|欠款|充值|(请|需|及时|未)续费|续费后"
        r"|(资源包|套餐|(?<!存储)(?<!磁盘)配额|点数|(剩余|可用)次数).{0,4}(用完|用尽|耗尽|不足)"
    ),
    Verdict.CONTENT: (
        r"sensitive ?(content|info|word|material|data|topic)|(?<!case )(?<!time )\bsensitive\b"
        r"|risk ?(detection|control)|content ?(management )?(polic|safety)|policy ?violation|responsible ?ai|guardrail"
        rf"|\b(real|actual|identifiable) {_PERSON}|\bunderage\b|political (figure|leader)|politician"
        r"|potentially harmful|\b(depict|show|portray|feature|contain)\w* ((a|an|the|of|possible|likely) ){0,3}"
        rf"(minors?|child|children)\b{_HARMLESS}"
        r"|\b(content|prompt) (was |is |has been )?(rejected|refused|declined)"
        r"(?!.{0,60}(queue|capacity|overload|busy|time ?out|timed|limit|unavailable|upstream))"
        r"|safety (concern|polic|system|filter|guideline)|content ?filter|moderation|real ?(person|people|human)\b"
        r"|copyright|trademark|infring|intellectual property|public figure|celebrit|likeness|deepfake"
        r"|violat\w*.{0,40}(rule|polic|guideline|term|standard)|flagged (as|by|for)\b|inappropriate|nsfw|\bunsafe\b"
        r"|(forbidden|banned|prohibited|disallowed|restricted|harmful|explicit) (word|term|content|topic)"
        r"|\b(was|were|been) moderated\b|\bsafety (in|out)put\b|\baudit (\w+ )?illegal\b|data ?inspection ?failed"
        r"|\b(nudity|sexual|violence|gore|porn\w*|hate speech|self ?harm)\b"
        r"|(content|prompt|image|video|audio|sound|speech|text|input|output) (was |is |has been )?"
        r"(blocked|flagged|censored)"
        r"|(failed|not pass|rejected by) (the |our )?(content|safety|security) (\w+ )?(check|review)"
        r"|(content|safety|security) (\w+ )?(check|review) (was )?(not passed|failed)"
        r"|\b(audio|sound|speech|video|image|prompt|content) (\w+ ){1,5}(was|were|is|been) flagged"
        r"|敏感|违规|违禁|违反|不当|审核|审查|版权|侵权|违法|涉黄|色情|暴力|涉政|不合规|真人|人脸|肖像|公众人物|风控|涉嫌|未成年|不适宜"
        r"|不符合.{0,8}(规范|政策|准则|规定)|安全.{0,6}(未|不|没有)通过"
    ),
    Verdict.ARGUMENTS: (
        rf"invalid (\w+ )?{_ARGUMENT}|invalid ?(parameter|argument|param\b|value)|invalid ?request|bad request"
        rf"|missing (\w+ )?{_ARGUMENT}|missing ?(parameter|param\b|argument)"
        rf"|unsupported ?(parameter|value)|unsupported (\w+ )?({_ARGUMENT}|model|type)"
        rf"|{_ARGUMENT}.{{0,60}}\b{_WRONG}|input should be|not a valid \w+|validation ?error"
        r"|task ?type ?(constraint|mismatch)|too many (\w+ )?(reference|input|image|audio|character)s?\b"
        rf"|({_ARGUMENT}|frames?) ((length|size|count|file|width|height) ){{0,3}}(is|are|was|must be|cannot be) "
        r"(longer|shorter|larger|bigger|smaller|greater|less|higher|lower) than (?!expected|usual|normal)"
        rf"|{_ARGUMENT} (cannot|can not|can ?t|must not|may not|should not) be "
        r"(empty|blank|null|none|missing|zero|negative)"
        rf"|\b(prompt|parameter|field|(input|reference) \w+) (is|was) (empty|blank|missing|corrupt\w*)"
        r"|(failed|unable|could not|could ?n.t|can ?not|errors?|error while|while) (to )?"
        rf"(download|fetch|load|access|read|retrieve|open|decode)(ing)? {_INPUT}{_LASTING}"
        r"|(cannot|can not|can ?t|must not|may not) be (mixed|combined|used together)\b|\bdimensions? mismatch"
        rf"|{_INPUT}( url| link)? ((down ?load|fetch)(ing)? (failed|failure|error)"
        r"|(is |was )?(not accessible|not reachable|inaccessible|unreachable)"
        rf"|(could not|can ?not) be (downloaded|fetched|loaded|read|accessed|decoded)){_LASTING}"
        r"|参数.{0,12}(错误|无效|非法|不合法|有误|不支持|校验|缺失)"
        r"|(无效|非法|不支持|缺少)的?(必填|必要)?(参数|分辨率|比例|时长|格式|尺寸)"
        r"|(图片|音频|文件|提示词|时长|分辨率|比例|尺寸|格式).{0,8}"
        r"(过长|过大|过小|太长|太大|太小|超出|不符合|不支持|无效|有误|不在.{0,6}范围)"
        r"|(参数|图片|文件|提示词|时长|分辨率|比例)(不能|不可|不得)为空"
        r"|(下载|获取|读取|加载|访问)(输入|上传)?的?(图片|图像|素材|首帧|尾帧|参考.{0,3})(链接|地址)?(失败|出错)"
        + _LASTING
        + r"|(图片|图像|素材|首帧|尾帧|参考(视频|音频))(链接|地址)?(下载|获取|读取|加载|访问)(失败|出错)"
        + _LASTING
    ),
    Verdict.CAPACITY: (
        r"no available (channel|account|node|resource|instance|model|provider)|overload"
        r"|(no|out of|insufficient|at|not enough) (\w+ )?capacity"
        r"|service (is )?(temporarily |currently )?(un|not )available|resources? (is |are )?exhausted"
        rf"|no healthy upstream|(get|select|find) channel|{_SYSTEM} (is )?((temporarily|currently) )?"
        r"(offline|unavailable|down|scaling|starting)\b"
        r"|queue (is )?full|(high|heavy) (demand|load|traffic)|too many .{0,20}(requests|tasks|jobs)|rate ?limit"
        r"|\bbusy\b|\bin use\b|not ready|maintenance|maintained|(try again|retry) later"
        r"|无可用|没有可用|渠道.{0,4}(失败|异常|错误)|负载|繁忙|(服务|模型|系统|渠道).{0,4}不可用|容量不足|排队|维护|稍后.{0,2}试"
    ),
    # A gateway that passed the request on and got no answer, or a fault that does not say how far the request came.
    Verdict.LOST: (
        r"deadline exceeded|timed? ?out|context cancel|bad response (body|status)|\beof\b|超时"
        r"|connection (was |is )?(reset|closed|lost|refused|aborted|failed|error)|econn(reset|refused|aborted)"
        r"|(do|upstream) request (failed|error)|socket hang up|broken pipe|(fetch|network) (failed|error)|bad gateway"
        r"|\brpc error|upstream (\w+ )?(error|failed|failure|closed|reset)"
        r"|(internal|system|unknown|unexpected) (server |service |system )?(error|exception|failure)"
        r"|(系统|服务|服务器|网络|内部|未知|上游|网关)(出现|发生|连接|请求)?(异常|错误|失败|出错|故障)"
    ),
}
#: A refused output sound is cured by ``generate_audio=false``; a refused input sound is not.
_SOUND_WORD = r"(audio|sound|speech|voice|music)"
_SOUND = (
    rf"(output|generated) (video (s )?)?{_SOUND_WORD}|{_SOUND_WORD} generated (for|by|in|with)\b"
    rf"|\b(the|this) video\W{{1,2}}s {_SOUND_WORD}"
    rf"|{_SOUND_WORD} (track |content )?(of|in) (the|this) (output|generated|result|final|video)"
    rf"|{_SOUND_WORD} (output|track)|sound ?track|(输出|生成)的?(视频的?)?(音频|声音|语音|音轨)"
    r"|配[音乐]|视频的(音频|声音|音轨)|音频(内容)?(审核|审查)(未|不|没有)通过"
)
#: Media of the request, whose sound no setting removes.
_INPUT_SOUND = (
    rf"\b(input|reference|source|original|upload\w*|provided|submitted|your) "
    rf"((video|clip|media|file|image)(\W{{1,2}}s)? )?{_SOUND_WORD}"
    rf"|{_SOUND_WORD} (\w+ ){{0,4}}(upload\w*|reference|provided|submitted|input)"
    r"|(输入|参考|上传|您的|你的|用户|原)的?(视频的?)?(音频|声音|配[音乐])"
)
#: Words of a refusal that do not say what was refused.
_REFUSAL = re.compile(r"(?<!connection )\b(refused|rejected|declined|blocked)\b|拒绝|拦截|屏蔽")
#: Words of a refused poll that say only that the generation is not over.
_IN_PROGRESS = re.compile(
    r"\b(still|currently|is|status) in (progress|queue)\b|\bnot ready\b"
    r"|\bnot (been )?(completed?|finished|started) yet\b|\bnot yet (been )?(ready|completed?|finished|start(ed)?)\b"
    r"|\b(still|currently|is) (being )?(process(ing|ed)|running|queued|pending|generating|generated)\b"
    r"|(未|没有|还没)(完成|就绪|结束|准备好)|(处理|生成|进行|排队|运行|执行)中|正在(处理|生成|排队|运行|执行)"
)
#: Words of a generation that is over, or unknown: beside them, those above tell how far it came.
_ENDED = re.compile(
    r"\b(fail\w*|crash\w*|cancel\w*|expire[sd]?|abort\w*|terminated|refused|rejected|timed out|invalid)\b"
    r"|\b(was|were|been) (stopped|killed|removed|deleted)\b|\b(not|\w+n.t) (be )?(found|exist)\b|\bunknown\b"
    r"|\bno (such|task|video|generation|prediction)\b(?! (\w+ )?yet)|已(停止|被?删除)"
    r"|\ban? (\w+ )?error\b|\berrors? (occurred|during|while)\b|失败|出错|错误|取消|过期|不存在|异常|终止|超时"
)
#: Single words that mean the wallet only beside HTTP 402 and 403.
_WALLET_WORDS = re.compile(r"balance|quota|credit|arrears|overdue|top ?up|recharge")


def find_verdict(text: str) -> Verdict | None:
    """Return the verdict in the messages and codes of an error, or ``None`` if they name no known cause."""
    folded = _fold(text)
    found = next((verdict for verdict, pattern in _PATTERNS.items() if _matches(folded, pattern)), None)
    is_sound = _matches(folded, _SOUND) and not _matches(folded, _INPUT_SOUND)
    return Verdict.SOUND if found is Verdict.CONTENT and is_sound else found


def mentions_wallet(text: str) -> bool:
    """Return whether a text has a word about money, which tells an empty wallet from a missing permission."""
    return _WALLET_WORDS.search(_fold(text)) is not None


def mentions_progress(text: str) -> bool:
    """Return whether a text says that a generation is not over yet, and nothing else of it."""
    folded = _fold(text)
    return _IN_PROGRESS.search(folded) is not None and _ENDED.search(folded) is None


def mentions_refusal(text: str) -> bool:
    """Return whether a text says that something was refused, for whatever reason."""
    return _REFUSAL.search(_fold(text)) is not None


# A search takes some microseconds for each character, and one text is searched several times, in later polls as well.
@functools.lru_cache(maxsize=64)
def _matches(folded: str, pattern: str) -> bool:
    return re.search(pattern, folded) is not None


def _fold(text: str) -> str:
    # Normalization can make a text longer.
    plain = unicodedata.normalize("NFKC", text[:_MAXIMUM_TEXT])[:_MAXIMUM_TEXT]
    return _SEPARATORS.sub(" ", _WORD_START.sub(" ", plain)).lower()
