# ruff: noqa: E501, ISC004  # one row of a table on one line
"""Which kind of failure an answer is: one table of words and codes, read from the top.

Built from the words of real servers; tests/providers/errors has them, with what each one means.
"""

import re
from collections.abc import Callable

from attrs import frozen

from inhouse.core.json_values import whole
from inhouse.providers.endpoints.error_text import Told


@frozen
class Overflow:
    """A prompt that is too long, with the numbers that the server reports."""

    needed: int | None
    window: int | None


def kind_of(told: Told) -> str:
    """Return the error's code; empty if neither words nor status say anything."""
    for code, fits in _KINDS:
        if fits(told):
            return code
    return ""


def refuses_tools(told: Told) -> bool:
    """Every server's way to say that there are no native tool calls (Q13, Q21, Q34)."""
    if _NO_TOOLS.search(told.words):
        return True
    about_tools = any(re.search(r"(?:^|\.)tools(?:\.|$)", param) for param in told.params)
    return about_tools and "schema" not in told.words and bool(_EXTRA.search(told.all))


def overflow_numbers(told: Told) -> Overflow:
    """Return what the prompt needs and what the window holds, if reported."""
    words = _ERROR_NUMBER.sub("", told.words.replace(",", ""))
    needed = whole(told.numbers.get("n_prompt_tokens"))
    window = whole(told.numbers.get("n_ctx"))
    for pattern in _NUMBERS:
        found = pattern.search(words)
        if found is None:
            continue
        groups = found.groupdict()
        window = window or _whole(groups.get("window"))
        if needed is None and (first := _whole(groups.get("need"))) is not None:
            needed = first + (_whole(groups.get("more")) or 0)
        if needed is None and window and (beyond := _whole(groups.get("over"))):
            needed = window + beyond
        if needed is not None and window is not None:
            break
    return Overflow(needed, window)


def _whole(text: str | None) -> int | None:
    return int(text) if text and len(text) < 10 else None  # noqa: PLR2004


def _says(pattern: str) -> Callable[[Told], bool]:
    words = re.compile(pattern, re.IGNORECASE)
    return lambda told: told.page is None and words.search(told.all) is not None


def _status(*codes: int) -> Callable[[Told], bool]:
    return lambda told: told.status in codes


def in_place_of_answer(told: Told) -> str:
    """Return what kind of page came instead of an answer: a login, a check for browsers, or ""."""
    if told.status == 511:  # noqa: PLR2004
        return "login"
    if not told.markup:
        return ""
    title = told.page or ""
    signs = (_LOGIN.search(title), _LOGIN_FORM.search(told.markup))
    # A page about a fault may have one of them too: a word in its title, or a form at its top.
    answers = told.status in (None, 401, 403) or told.status // 100 == 2  # noqa: PLR2004
    if any(signs) if answers else all(signs):
        return "login"
    mark = _CHALLENGE_SCRIPT if told.status == 503 else _CHALLENGE_MARK  # noqa: PLR2004
    return "challenge" if _CHALLENGE.search(title) or mark.search(told.markup) else ""


def _challenge(told: Told) -> bool:
    if not told.markup or told.status not in (401, 403, 406, 429, 503, None):
        return False
    if told.status == 401 and _AUTHORIZATION.search(told.page or ""):  # noqa: PLR2004  a server's own
        return False
    return told.status in (401, 403, 406) or in_place_of_answer(told) == "challenge"


def _too_large_at_once(told: Told) -> bool:
    """One request beyond what a minute may hold: only a shorter one helps (OpenAI, Groq)."""
    found = _AT_ONCE.search(told.words.replace(",", ""))
    return bool(found and int(found["need"]) > int(found["window"]))


def _overflow(told: Told) -> bool:
    if told.page is not None or told.status == 429 or _THROTTLED.search(told.all):  # noqa: PLR2004
        return False
    return bool(_OVERFLOW.search(told.all) or _OVERFLOW_CODE.search(told.codes))


def _throttled(told: Told) -> bool:
    return told.page is None and (
        told.status == 429 or bool(_THROTTLED.search(told.all))  # noqa: PLR2004
    )


def _out_of_quota(told: Told) -> bool:
    if told.page is not None:
        return False
    if told.wait is not None and told.wait <= 300 and "perday" not in told.codes:  # noqa: PLR2004
        return bool(_NO_MONEY.search(told.all))
    if "resource_exhausted" in told.codes:
        return "perday" in told.codes or bool(_PER_DAY.search(told.words))
    return bool(_NO_MONEY.search(told.all) or _QUOTA.search(told.all))


_CHALLENGE = re.compile(
    r"just a moment|attention required|checking (?:your|the) browser|verify(?:ing)? (?:that )?you"
    r"|ddos protection|access denied|captcha|security check|blocked|incapsula|request rejected"
    r"|cloudflare|pardon our interruption|human verification|are you (?:a )?(?:human|robot)"
    r"|unusual traffic|bot (?:check|detection)|web application firewall"
    # The same in other languages
    r"|u[nm] momento|einen moment|moment geduld|un instant|un attimo|bir dakika|ett ögonblick"
    r"|et øjeblik|øyeblikk|hetkinen|okamžik|egy pillanat|(?<!za )\bchwil(?:[aęe]\b|eczk)|proszę czekać|tunggu sebentar"
    r"|请稍[候等]|請稍候|お待ちください|잠시만|один момент|подождите|зачекайте|يرجى الانتظار"
    r"|zugriff (?:verweigert|blockiert)|sicherheits(?:über)?prüfung|acc[eè]s (?:refusé|bloqué)"
    r"|acceso (?:denegado|bloqueado)|accesso negato|acesso (?:negado|bloqueado)|toegang geweigerd"
    r"|доступ (?:запрещ|огранич|заблок)|拒绝访问|访问被(?:拒绝|拦截|阻断)|安全(?:验证|检查)"
    r"|アクセスが拒否|접근이 거부|액세스가 거부",
    re.IGNORECASE,
)
_CHALLENGE_MARK = re.compile(
    r"challenge-platform|cf[-_]chl|cf-browser-verification|_incapsula_resource|edgesuite\.net"
    r"|datadome|px-captcha|perimeterx|awswaf|sucuri|ddos-guard|captcha|geetest",
    re.IGNORECASE,
)
"""What the scripts of such a page are called, whatever its language."""
_CHALLENGE_SCRIPT = re.compile(
    r"_cf[-_]chl|cf-browser-verification|_incapsula_resource", re.IGNORECASE
)
"""Those that no other page has: a captcha may also belong to a form on a page about a fault."""
_LOGIN = re.compile(
    r"\b(?:sign|log)[ -]?(?:in|on)\b|\bsso\b|single sign|authentication required|captive|hotspot"
    r"|network access|anmeld|einloggen|^connexion(?: à |\W*$| \W)|se connecter|identif|inici(?:ar|o de) sesi"
    r"|accedi\b|\bentrar\b|inloggen|zaloguj|logowanie|giriş yap|登[录錄入陆]|身份认证|ログイン"
    r"|로그인|вход\b|войти|авториз|تسجيل الدخول",
    re.IGNORECASE,
)
_LOGIN_FORM = re.compile(
    r"<input[^<>]{0,300}type=[\"']?password|name=[\"']?(?:SAMLRequest|loginfmt)\b|WISPAccessGateway",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(r"authori[sz]|^\W*401\W*$", re.IGNORECASE)
_AT_ONCE = re.compile(
    r"request too large.{0,300}?limit:? (?P<window>\d{1,9}).{0,60}?requested:? (?P<need>\d{1,9})",
    re.IGNORECASE | re.DOTALL,
)
_THROTTLED = re.compile(
    r"throttl|rate.?limit|too many requests|requests? per (?:second|minute|min|hour|day)"
    r"|tokens? per (?:second|minute|min|hour|day)|per-minute|wait before trying|slow down"
    r"|too many (?:concurrent|connections)|concurrency limit|请求过于频繁|速率限制",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"insufficient[_ ](?:balance|funds|credit)|(?:credit )?balance is too low|out of credits"
    r"|(?:requires|need|needs) more credits|no (?:remaining )?credits|not enough credits"
    r"|negative (?:credit )?balance|payment[_ ]required|top.?up|recharge|余额不足|欠费"
    r"|billing[_ ](?:hard[_ ]limit|not[_ ]active)|account is not active|add (?:a )?payment"
    r"|exceeded your monthly included credits|spend(?:ing)? limit|prepayment credits",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded[_ ]current[_ ]quota|exceeded your current quota|quota exhausted"
    r"|quota (?:has been )?exceeded|usage limit (?:has been )?(?:reached|exceeded)"
    r"|(?:weekly|monthly|daily|hourly) (?:usage )?limit (?:has been )?(?:reached|exceeded)"
    r"|reached your .{0,40}limit|usage_limit_reached|GoUsageLimit|tokens per day|requests per day",
    re.IGNORECASE,
)
_PER_DAY = re.compile(r"per day|daily", re.IGNORECASE)
_MODERATION = (
    r"content[_ ]?filter|content management policy|responsibleaipolicy|moderation"
    r"|(?:was|been|is) flagged|violat\w+ .{0,60}(?:polic|guideline|terms)|usage polic"
    r"|data_?inspection_?failed|inappropriate content|content exists risk|considered high risk"
    r"|prohibited_content|safety (?:system|filter|reasons)|blocked by .{0,30}(?:safety|filter|guardrail)"
    r"|guardrail|sensitive (?:content|words|information)|unsafe or sensitive|敏感|cyber_policy"
)
_OVERFLOW = re.compile(
    r"maximum context length|context[_ ](?:length|size|window|limit).{0,60}(?:exceed|overflow|limit)"
    r"|exceed\w* .{0,80}context|prompt is too long|prompt too long|input is too long"
    r"|input length .{0,40}exceeds|too many (?:input )?tokens|longer than the (?:maximum )?model'?s? "
    r"?(?:context|maximum|length)|context overflow|not enough context|greater than the context length"
    r"|maximum prompt length|input token count.{0,40}exceeds|exceeded model token limit"
    r"|reduce the length of (?:the|your) (?:messages|prompt|input)|exceeds the limit of \d+"
    r"|token count .{0,40}exceeds|prompt exceeds max length|tokens?.{0,40}exceeds? .{0,40}max"
    r"|exceeds? max(?:imum)? (?:allowed )?(?:input |sequence |prompt |model )?(?:length|len|tokens)"
    r"|(?:context|token) limit exceeded|exceeds? (?:the )?(?:maximum )?(?:allowed )?(?:number of )?"
    r"(?:input )?tokens|greater than max_seq_len|max_total_tokens|must have less than \d+ tokens"
    r"|inputs?.{0,4} tokens \+ .{0,20}must be|range of input length should be"
    r"|kv cache.{0,40}(?:full|space|too small)|larger than the (?:model'?s )?context"
    r"|message(?:s)? too long|request is too long|conversation is too long|上下文.{0,12}(?:超|长)"
    r"|输入.{0,12}(?:超|过长)|trying to keep the first \d+ tokens",
    re.IGNORECASE,
)
_OVERFLOW_CODE = re.compile(
    r"exceed_context_size|context_length_exceeded|context_window_exceeded|model_context_window"
    r"|string_above_max_length_prompt|\b1261\b|token_limit_exceeded|prompt_too_long"
)
_ERROR_NUMBER = re.compile(r"exceeds limit \(\d{4}\)")
"""MiniMax ends its sentences with the number of the error."""
_NUMBERS = tuple(
    re.compile(
        one.replace("NEED", r"(?P<need>\d{1,9})").replace("HOLDS", r"(?P<window>\d{1,9})"),
        re.IGNORECASE | re.DOTALL,
    )
    for one in (
        r"NEED tokens > HOLDS",
        r"maximum prompt length is HOLDS but the request contains NEED",
        r"input token count \(?NEED\)? exceeds the maximum number of (?:input )?tokens allowed \(?HOLDS",
        r"exceeded model token limit: HOLDS \(requested: NEED",
        r"NEED \+ (?P<more>\d{1,9}) > HOLDS",
        r"request \(NEED tokens\) exceeds the available context size \(HOLDS",
        r"token count of NEED exceeds the limit of HOLDS",
        r"input length NEED exceeds the maximum allowed (?:input )?length of HOLDS",
        r"must be <= HOLDS\. given: NEED",
        r"must have less than HOLDS tokens\. given: NEED",
        r"context length of HOLDS tokens?\. you requested a total of NEED",
        r"\(NEED tokens\) is longer than the model'?s context length \(HOLDS",
        r"\(length NEED\) is longer than the maximum model length of HOLDS",
        r"first NEED tokens .{0,80}context length of only HOLDS",
        r"length:? NEED .{0,30}(?:greater than|exceeds) (?:the )?max(?:imum|_seq_len)?[^\d]{0,40}HOLDS",
        r"max(?:imum)? (?:context|prompt|model|sequence|input)? ?(?:length|len) (?:is|of) HOLDS[^\d].{0,120}?"
        r"(?:requested|resulted in|contains?|you have|has|got|is)(?: about| at least| approximately)? NEED",
        r"contains NEED tokens.{0,80}?HOLDS maximum context",
        r"cannot exceed HOLDS[^\d]{1,20}NEED",
        r"prompt contains .{0,40}?NEED (?:input )?tokens",
        r"request too large.{0,300}?limit:? HOLDS.{0,60}?requested:? NEED",
        r"context (?:length|window|size) by (?P<over>\d{1,9}) tokens",
        r"requested (?:about )?NEED tokens",
        r"NEED (?:input |prompt )?tokens.{0,80}(?:exceeds?|larger|greater|more than|maximum|limit)"
        r"[^\d]{1,60}HOLDS",
        r"(?:exceeds?|more than|limit|maximum|window|length|size)[^\d]{1,40}HOLDS tokens?[^\d]{1,60}NEED",
        r"range of input length should be \[\d+ ?HOLDS\]",
        r"maximum context length (?:is|of) HOLDS",
        r"context (?:size|length|window|limit)[^\d]{0,24}HOLDS",
        r"max(?:imum)?[^\d]{0,30}(?P<window>\d{3,9})",
        r"(?:your )?prompt[^\d]{0,30}NEED tokens",
        r"input[^\d]{0,20}NEED tokens",
    )
)
_NO_TOOLS = re.compile(
    r"does(?:n.t| not) (?:support|allow|accept) .{0,24}\b(?:tools?|functions?)\b"
    r"|enable-auto-tool-choice|tool-call-parser|tools? param(?:eter)? requires|--jinja"
    r"|\b(?:tools?|functions?|tool[ _-]?us(?:e|age)|(?:tool|function)[ _-]?call(?:s|ing)?)['\"`]? "
    r"(?:is|are) (?:not|un)[ -]?(?:supported|enabled|available|allowed)"
    r"|(?:tool|function)[ _-]?call(?:s|ing)? (?:not|un)[ -]?(?:support|available|enabled)"
    r"|no endpoints found that support tool|no tools support|unsupported parameters?:? ?['\"`]?tools\b"
    r"|(?:unrecognized|unknown|unexpected|unsupported|invalid)(?: request)? "
    r"(?:argument|parameter|field|key|property|name)s?(?: supplied)?:? ?['\"`\\]*tools\b(?!\.|\[)"
    r"|(?:body|request)['\"., ()]{1,8}tools['\") \]:,]{1,8}.{0,40}(?:extra|not permitted|forbidden)"
    r"|tools? (?:calls? )?not (?:support|allow|permit|available)|model features? .{0,30}call\w* not support"
    r"|property ['\"`]tools['\"`] is (?:un|not )supported|cannot use tools|tool use (?:is )?disabled"
    r"|template (?:does not|doesn't) support tool|no tool (?:use|call)\w* support"
    r"|tools? (?:is|are) (?:only )?unavailable|不支持.{0,6}(?:工具|函数|function|tool)",
    re.IGNORECASE,
)
_EXTRA = re.compile(
    r"extra_forbidden|extra (?:inputs|fields) (?:are )?not permitted|unsupported|not supported"
    r"|unrecognized|unknown|unexpected",
    re.IGNORECASE,
)
_LOADING = (
    r"loading model|model (?:is )?(?:currently |still |being )*(?:loading|loaded\.\.\.|starting)"
    r"|model .{0,80} is (?:currently |still )?(?:loading|warming|starting|initiali)|is being loaded"
    r"|warming up|not ready|still (?:starting|initiali)|model_loading|currently loading"
    r"|server is (?:starting|initiali)"
)
_KEY = (
    r"(?:invalid|incorrect|wrong|missing|expired|bad|malformed|no) (?:api[- _]?key|authentication|auth)"
    r"|api[- _]?key (?:not valid|is invalid|invalid|expired|missing|not found|required|is required)"
    r"|invalid_api_key|api_key_invalid|authentication[_ ](?:fails?|failed|error)|unauthenticated"
    r"|invalid subscription key|invalid_authentication|no (?:auth )?credentials|no cookie auth"
    r"|user not found|(?m:^\W*unauthori[sz]ed\W*$)"
)
_NO_MODEL = (
    r"model_not_found|model_not_exist|no such model|unknown model|deploymentnotfound|invalid_?model"
    r"|model[ _]?(?:name )?.{0,120}(?:not found|does ?n[o']t exist|not exist|is not available"
    r"|not a valid model|is invalid|has been (?:deprecated|decommissioned|retired|removed)|no longer)"
    r"|is not a valid model|invalid model|model_decommissioned|no endpoints found for|模型不存在"
    r"|no (?:models?|deployments?) .{0,20}(?:loaded|available) (?:for|with)|couldn't find model"
)
_SCHEME = (
    r"plain http request was sent to https|http request to an https server|speaking plain http to"
    r"|https required|ssl required|use https"
)
_OVERLOAD = (
    r"overloaded|over capacity|no (?:slots?|instances?|workers?|healthy upstream)|try again later"
    r"|temporarily unavailable|server is busy|high demand|upstream (?:connect )?error|bad gateway"
    r"|service unavailable|gateway time-?out|server had an error|internal server error"
    r"|server_error|_unavailable\b|internal_?error|disconnected|insufficient_system_resource"
)

Rule = tuple[str, Callable[[Told], bool]]

_KINDS: tuple[Rule, ...] = (
    ("redirect", lambda told: told.status is not None and 300 <= told.status < 400),  # noqa: PLR2004
    ("wrong_scheme", lambda told: re.search(_SCHEME, told.all, re.IGNORECASE) is not None),
    ("proxy_auth", _status(407)),
    ("login", lambda told: in_place_of_answer(told) == "login"),
    ("challenge", _challenge),
    ("context_overflow", _too_large_at_once),
    ("moderation", _says(_MODERATION)),
    ("quota", _out_of_quota),
    ("payment_required", _status(402)),
    ("context_overflow", _overflow),
    ("tools_unsupported", lambda told: told.page is None and refuses_tools(told)),
    ("rate_limited", _throttled),
    ("loading", _says(_LOADING)),
    ("unauthorized", _says(_KEY)),
    ("unauthorized", _status(401)),
    ("model_not_found", _says(_NO_MODEL)),
    ("forbidden", _status(403)),
    ("not_found", _status(404)),
    ("too_large", _status(413)),
    ("unavailable", _status(408, 409, 425, 500, 502, 503, 504, 529, *range(520, 531), 598, 599)),
    ("unavailable", lambda told: told.status is None and _says(_OVERLOAD)(told)),
)
"""The first that fits counts."""
