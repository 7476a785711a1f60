"""What nobody could ask the real platform: one switch each, with every reading its sources allow.

A world is one choice of readings. The simulator plays whichever it is given, and the product has
to be right in each, or say what can't be known there. ``docs/platform.md`` is made from this file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from monitor.errors import ConfigurationError
from monitor.simulator.open_question import OpenQuestion, PossibleReading, open_question

if TYPE_CHECKING:
    from collections.abc import Iterable


_NOTHING_SAID: Final = "no source says otherwise"
_SDK: Final = "the SDK's models"
_GUIDE: Final = "the developer guide"
_TERRAFORM: Final = "the terraform provider's code"
_HELP: Final = "the vendor's help pages"
_SCREENS: Final = "the platform's own pages, which show them"
_ODD: Final = "answers that hold other than the models say"
_GATEWAYS: Final = "what Apache, nginx and Jetty do"
_SEEN: Final = "words in the vendor's own events and in answers to test calls"


@dataclass(frozen=True, slots=True)
class World:
    """One choice of readings; the defaults are the unkindest that are documented or were seen."""

    error_words: str = open_question(
        "executions",
        "Which words does `errorType` use for a timeout, a throttle, and the remote's own failure?",
        PossibleReading(
            "named",
            "`EXECUTION_TIMEOUT`, `REMOTE_SERVER_ERROR`, `CONCURRENT_EXECUTIONS_EXCEEDED`",
            _NOTHING_SAID,
            "read by `[classify]` as it comes",
        ),
        PossibleReading(
            "seen",
            "only the words that were seen elsewhere: `ACTION.PROCESSING`, "
            "`ACTION.REMOTE_ENDPOINT`, `TOO_MANY_REQUESTS`, `TOO_MANY_REQUESTS_REMOTE`",
            _SEEN,
            "a timeout is told by its status; without one (`timeout_status=none`) it is an error "
            "by name, and the report says that it lasts exactly as long as the timeout in force, "
            "or that it shows nothing at all",
        ),
        PossibleReading(
            "prose",
            "sentences: `Request timed out`, `Remote server error`, `Rate limit exceeded`",
            _NOTHING_SAID,
            "read by `[classify]` as it comes",
        ),
    )
    timeout_status: str = open_question(
        "executions",
        "Which `responseStatus` does an execution have that timed out?",
        PossibleReading("none", "none", _NOTHING_SAID, "told by its error type"),
        PossibleReading("408", "`408`", _NOTHING_SAID, "told by either"),
        PossibleReading("504", "`504`", _NOTHING_SAID, "told by either"),
    )
    timeout_duration: str = open_question(
        "executions",
        "Which duration does an execution have that timed out?",
        PossibleReading(
            "beyond",
            "up to half a second more than the timeout",
            _NOTHING_SAID,
            "it ended at the timeout in force",
        ),
        PossibleReading(
            "at_limit", "exactly the timeout", _NOTHING_SAID, "it ended at the timeout in force"
        ),
        PossibleReading(
            "zero",
            "none: 0 ms",
            _SDK,
            "says nothing of where the call ended: never a `remote_timeout`; its slot was held as "
            "long as the timeout in force, and the histogram counts it in `+Inf` alone",
        ),
    )
    counts: str = open_question(
        "executions",
        "How are counts written?",
        PossibleReading("floats", "`3.0`", _ODD, "read as whole numbers"),
        PossibleReading("integers", "`3`", _SDK, "read as they come"),
        PossibleReading("texts", '`"3"`', _NOTHING_SAID, "read as whole numbers"),
    )
    percentiles: str = open_question(
        "executions",
        "Are `p95` and `p99` filled in `stats`?",
        PossibleReading("absent", "no", _SDK, "not needed: quantiles come from the bands"),
        PossibleReading("filled", "yes", _SCREENS, "not needed: quantiles come from the bands"),
    )
    empty_views: str = open_question(
        "executions",
        "What does a view show that counts nothing?",
        PossibleReading("omitted", "it is left out", _NOTHING_SAID, "read as 0"),
        PossibleReading("zeros", "a count of 0", _NOTHING_SAID, "read as 0"),
    )
    absent_dimension: str = open_question(
        "executions",
        "How is a dimension shown that has no value, such as the status of a call without answer?",
        PossibleReading("omitted", "it is left out of `group`", _SDK, "read as empty"),
        PossibleReading("null", "`null`", _NOTHING_SAID, "read as empty"),
        PossibleReading("empty", "an empty text", _NOTHING_SAID, "read as empty"),
    )
    bucket_end: str = open_question(
        "executions",
        "Is a bucket cut at the end of the interval that was asked for?",
        PossibleReading("cut", "yes", _NOTHING_SAID, "keyed by its start"),
        PossibleReading("whole", "no", _NOTHING_SAID, "keyed by its start"),
    )
    granularity: str = open_question(
        "executions",
        "What is the smallest granularity of action aggregates?",
        PossibleReading("PT1M", "a minute", _NOTHING_SAID, "windows of five minutes"),
        PossibleReading("PT5M", "five minutes", _NOTHING_SAID, "windows of five minutes"),
        PossibleReading(
            "PT15M", "a quarter of an hour", _NOTHING_SAID, "windows of that length, and says so"
        ),
        PossibleReading("PT1H", "an hour", _NOTHING_SAID, "windows of that length, and says so"),
    )
    longest_interval: str = open_question(
        "executions",
        "What is the longest interval of action aggregates?",
        PossibleReading("31d", "31 days", _NOTHING_SAID, "asks for two hours at most"),
        PossibleReading("7d", "7 days", _NOTHING_SAID, "asks for two hours at most"),
        PossibleReading("1h", "an hour", _NOTHING_SAID, "asks for shorter slices, and says so"),
    )
    large_answers: str = open_question(
        "executions",
        "What happens to a query whose answer is too large?",
        PossibleReading(
            "413", "413 beyond six buckets", _SDK, "asks for shorter slices, and says so"
        ),
        PossibleReading(
            "504", "504 beyond six buckets", _SDK, "asks for shorter slices, and says so"
        ),
        PossibleReading("served", "it is answered", _NOTHING_SAID, "as asked"),
    )
    job_page_size: str = open_question(
        "executions",
        "Does a job of aggregates take a `pageSize`?",
        PossibleReading("taken", "yes", _SDK, "1,000 rows a page"),
        PossibleReading("refused", "400 that names it", _NOTHING_SAID, "asks again without"),
    )
    lateness: str = open_question(
        "executions",
        "How late do executions become visible?",
        PossibleReading(
            "scenario", "as late as the scenario has it", _NOTHING_SAID, "measured, exported"
        ),
        PossibleReading("punctual", "at once", _NOTHING_SAID, "measured, exported"),
        PossibleReading(
            "late", "a quarter up to 40 minutes late", _NOTHING_SAID, "measured, exported"
        ),
    )
    retention: str = open_question(
        "executions",
        "How long are action aggregates kept?",
        PossibleReading("kept", "longer than anybody asks back", _NOTHING_SAID, "nothing to do"),
        PossibleReading(
            "pruned",
            "two days: what is older comes as nothing",
            _NOTHING_SAID,
            "nothing is counted there, and nothing is taken back that was",
        ),
    )
    bad_records: str = open_question(
        "executions",
        "Are there records among the good ones that no model describes?",
        PossibleReading(
            "some",
            "half a surrogate pair, a NUL, entities without id, negative counts, absurd durations",
            _ODD,
            "each costs itself: dropped and counted, or its name mended",
        ),
        PossibleReading(
            "hostile",
            "the same, and what the SDK fails on: text for numbers, broken UTF-8, `NaN`, nesting "
            "without end",
            _NOTHING_SAID,
            "each costs itself: dropped and counted, or its name mended",
        ),
        PossibleReading("none", "no", _SDK, "nothing to do"),
    )
    detail_errors: str = open_question(
        "conversations",
        "Do detail records show that a data action failed?",
        PossibleReading(
            "hidden",
            "no: `errorCode` is the media tier's alone",
            "public records",
            "no conversation is counted as hit by a timeout; callers lost in flows are",
        ),
        PossibleReading(
            "coded",
            "a segment's `errorCode` says so, and nothing names the action",
            _NOTHING_SAID,
            "counted as `unknown`; with contract `flow` the flow's only action, so marked",
        ),
        PossibleReading(
            "named",
            "a segment's `errorCode` says so, and its properties name the action",
            _NOTHING_SAID,
            "counted for that action",
        ),
    )
    telephony_errors: str = open_question(
        "conversations",
        "How many detail records carry an `errorCode` of telephony?",
        PossibleReading("many", "ten for each flow error", "public records", "none is a timeout"),
        PossibleReading("some", "one for each flow error", "public records", "none is a timeout"),
        PossibleReading("none", "none", _NOTHING_SAID, "nothing to do"),
    )
    flow_aggregates: str = open_question(
        "conversations",
        "Do flow aggregates group by `exitReason`?",
        PossibleReading("refused", "400", _SDK, "counts from the detail records, and says so"),
        PossibleReading("grouped", "yes", _SDK, "one request for all flows"),
        PossibleReading("absent", "there is no such endpoint: 404", _NOTHING_SAID, "as `refused`"),
        PossibleReading(
            "ungrouped",
            "no: it answers, and leaves the exit reason out",
            _NOTHING_SAID,
            "as `refused`: a count that names no exit reason is not taken for zero",
        ),
    )
    flow_exits: str = open_question(
        "conversations",
        "When do flow aggregates count a caller who was lost in a flow?",
        PossibleReading(
            "begun",
            "in the window in which the flow began, once it has ended",
            _NOTHING_SAID,
            "reads six hours back, so that a long call is not missed",
        ),
        PossibleReading(
            "ended", "in the window in which the flow ended", _NOTHING_SAID, "the same"
        ),
    )
    templates_shown: str = open_question(
        "actions",
        "What does an action's configuration show of its two templates?",
        PossibleReading(
            "nothing", "nothing", _TERRAFORM, "both are fetched by name, and sent whole"
        ),
        PossibleReading("uri", "their addresses", _SDK, "both are fetched by name, and sent whole"),
        PossibleReading(
            "inline",
            "their texts",
            _SDK,
            "both are fetched by name all the same, and must say the same",
        ),
    )
    patch: str = open_question(
        "actions",
        "What does a PATCH do to a part of the configuration that it leaves out?",
        PossibleReading(
            "replaces",
            "wipes it",
            _NOTHING_SAID,
            "all of it is sent, or nothing; what changes all the same is put back",
        ),
        PossibleReading("merges", "keeps it", _NOTHING_SAID, "all of it is sent"),
    )
    conflict: str = open_question(
        "actions",
        "What answers a PATCH of an older version?",
        PossibleReading("409", "409", _SDK, "reads, and decides anew"),
        PossibleReading("400", "400 `does not match the current version`", _TERRAFORM, "the same"),
        PossibleReading("408", "408", _TERRAFORM, "ambiguous: reads before anything else"),
    )
    unset_timeout: str = open_question(
        "actions",
        "How is a timeout shown that nobody set?",
        PossibleReading("absent", "not at all", _SDK, "60 s are in force"),
        PossibleReading("null", "`null`", _NOTHING_SAID, "60 s are in force"),
        PossibleReading("zero", "`0`", _TERRAFORM, "60 s are in force"),
    )
    function_category: str = open_question(
        "actions",
        "Does an action's category tell that it is a function?",
        PossibleReading(
            "free_text",
            "no: it is free text, such as its integration's name",
            "exports",
            "told by its integration's type",
        ),
        PossibleReading(
            "typical", "`Function Data Actions`", _SDK, "told by its integration's type"
        ),
    )
    limits: str = open_question(
        "actions",
        "Which of the org's limits are shown?",
        PossibleReading(
            "all", "concurrency, requests a minute, function slots", _HELP, "each exported"
        ),
        PossibleReading("concurrency", "concurrency alone", _HELP, "the others are left out"),
        PossibleReading("none", "none", _NOTHING_SAID, "none is guessed"),
    )
    dependency_tracking: str = open_question(
        "actions",
        "What does dependency tracking know?",
        PossibleReading(
            "repeating", "each flow once for each of its versions", _SDK, "each flow once"
        ),
        PossibleReading("built", "each flow once", _SDK, "each flow once"),
        PossibleReading(
            "unbuilt",
            "nothing: it was never built, as `dependencytracking/build` says",
            _SDK,
            "says that use is not known, never that no flow uses an action",
        ),
    )
    secure_type: str = open_question(
        "actions",
        "Under which object type do secure data actions stand in dependency tracking?",
        PossibleReading(
            "SECUREACTION", "`SECUREACTION`", _SDK, "asks for both where it may be secure"
        ),
        PossibleReading("DATAACTION", "`DATAACTION`", _SDK, "asks for both where it may be secure"),
    )
    etag: str = open_question(
        "flows",
        "Does a gateway rewrite a flow's ETag?",
        PossibleReading(
            "suffixed",
            "`-gzip` is added where it compresses",
            _GATEWAYS,
            "reads and writes uncompressed",
        ),
        PossibleReading(
            "weak",
            "it becomes weak where it compresses",
            _GATEWAYS,
            "reads and writes uncompressed",
        ),
        PossibleReading(
            "stubborn",
            "`-gzip` is added, for it compresses whatever was asked for",
            _NOTHING_SAID,
            "a flow that nobody changed is sent once more without the suffix where it is refused; "
            "if that is refused too, says that a gateway rewrites ETags",
        ),
        PossibleReading("strong", "no", _NOTHING_SAID, "nothing to do"),
    )
    audits: str = open_question(
        "audits",
        "Are changes of timeouts in the audit log of realtime queries?",
        PossibleReading(
            "shown", "yes, seconds to minutes late", _SDK, "names who changed a timeout"
        ),
        PossibleReading(
            "absent", "there is no such endpoint: 404", _NOTHING_SAID, "says `unknown`"
        ),
    )
    audit_properties: str = open_question(
        "audits",
        "Does an entry of the audit log say which properties were changed?",
        PossibleReading(
            "none",
            "no: `propertyChanges` is empty",
            "a published answer",
            "names who saved the action between two readings of its timeout; where several did, "
            "all of them",
        ),
        PossibleReading(
            "paths",
            "each by its path: `config.timeoutSeconds` from 5 to 8",
            _SDK,
            "names who changed the timeout, when, from what and to what",
        ),
        PossibleReading(
            "config",
            "the whole configuration as one JSON text, before and after",
            _NOTHING_SAID,
            "the same",
        ),
    )
    expires_in: str = open_question(
        "wire",
        "How is a token's lifetime written?",
        PossibleReading("text", '`"86399"`', _ODD, "read as a number"),
        PossibleReading("number", "`86399`", _SDK, "read as it comes"),
    )
    too_many_requests: str = open_question(
        "wire",
        "Does a 429 say how long to wait?",
        PossibleReading("bare", "no", _NOTHING_SAID, "waits longer and longer"),
        PossibleReading("retry_after", "`Retry-After`", _GUIDE, "waits so long"),
    )
    rate_headers: str = open_question(
        "wire",
        "Are there `inin-ratelimit-*` headers?",
        PossibleReading("absent", "no", _NOTHING_SAID, "keeps to its own pace"),
        PossibleReading("shown", "yes", _GUIDE, "uses them"),
    )

    own_roles: str = open_question(
        "wire",
        "Is a client shown its own roles?",
        PossibleReading(
            "users_only",
            "no: only users have them, and a client gets 404",
            "the SDK's words: the currently authenticated user",
            "`check` says that whether the writing client may edit shows at its first write",
        ),
        PossibleReading("names", "by name, without what they allow", _SDK, "the same"),
        PossibleReading(
            "policies",
            "with everything that they allow",
            _SDK,
            "`check` says whether the writing client may edit data actions",
        ),
    )

    def __post_init__(self) -> None:
        """Refuse a reading that nobody describes.

        Raises:
            ConfigurationError: It names the readings there are.
        """
        for name, question in questions().items():
            chosen = getattr(self, name)
            known = [reading.value for reading in question.readings]
            if chosen not in known:
                raise ConfigurationError(
                    f"there is no reading {chosen!r} of {name}", f"choose one of {', '.join(known)}"
                )

    def with_choices(self, choices: Iterable[str]) -> World:
        """Return this world with some other readings.

        Args:
            choices: Each ``NAME=VALUE``.

        Raises:
            ConfigurationError: A name or a value that is not known.
        """
        changed: dict[str, str] = {}
        for choice in choices:
            name, equals, value = choice.partition("=")
            if not equals or name not in questions():
                raise ConfigurationError(
                    f"{choice!r} names no field of a world as NAME=VALUE",
                    f"the names are {', '.join(questions())}",
                )
            changed[name] = value
        return replace(self, **changed)


def questions() -> dict[str, OpenQuestion]:
    """Return every question by the name of its field, in the order of the fields."""
    return {one.name: one.metadata["question"] for one in fields(World)}


BELIEVABLE: Final = World(
    timeout_duration="at_limit",
    counts="integers",
    large_answers="served",
    bad_records="none",
    detail_errors="named",
    telephony_errors="some",
    flow_aggregates="grouped",
    flow_exits="ended",
    templates_shown="uri",
    expires_in="number",
    too_many_requests="retry_after",
    rate_headers="shown",
    dependency_tracking="built",
    audit_properties="paths",
    etag="strong",
    own_roles="policies",
)
"""What a demo shows: every source speaks, and nothing is odd."""
