"""The sections that hold for every org: what is read, shown, kept, judged and changed.

Each setting has its default here, and its bounds; a section is handed on as it is.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from monitor.config.patterns import refuse_pattern
from monitor.model import Classifier
from monitor.time_ranges import Hours, parse_duration, parse_hours

Seconds = Annotated[int, BeforeValidator(parse_duration)]
"""A duration as text, such as ``5m``; whole seconds once it is read."""

FractionalSeconds = Annotated[float, BeforeValidator(parse_duration)]
"""A duration as text, which may be shorter than a second."""


class Section(BaseModel):
    """A section that refuses keys it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )


_ALLOWED_WINDOWS_SECONDS = (60, 300, 600, 900, 1800, 3600)

DIAGNOSED_SECONDS = 8 * 86_400
"""How far back a diagnosis looks: the last 24 hours, and the week before to tell them from."""


_MOST = 1_000_000_000
"""More executions than any action has: whoever wants no verdict at all can have that."""

STALE_AFTER_POLLS = 5
"""One poll may be lost to a slow answer, two to a deployment; five in a row are no accident."""

LEAST_STALE_SECONDS = 180.0
"""Where polls come every few seconds, five of them are over before a request has timed out."""

LARGEST_TIMEOUT_SECONDS = 30
LARGEST_STEP = 1.5
LEAST_COOLDOWN_SECONDS = 3600


class CollectSettings(Section):
    """``[collect]``: what is read, how often, and how far back. Attributes are seconds.

    But for ``closer_look_requests_per_hour``, of each org; 0 is off.
    """

    interval: FractionalSeconds = cast("float", "1m")
    window: Seconds = cast("int", "5m")
    settle: Seconds = cast("int", "10m")
    near: Seconds = cast("int", "15m")
    lookback: Seconds = cast("int", "1h")
    max_backfill: Seconds = cast("int", "7d")
    initial: Seconds = cast("int", "24h")
    sources: tuple[Literal["actions", "conversations", "flow-errors", "audits"], ...] = (
        "actions",
        "conversations",
        "flow-errors",
        "audits",
    )
    closer_look_requests_per_hour: int = Field(default=12, ge=0, le=600)

    @property
    def stale_after_seconds(self) -> float:
        """How old data is that can't be relied on: five polls were missed, at least 3 minutes."""
        return max(LEAST_STALE_SECONDS, STALE_AFTER_POLLS * self.interval)

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        if self.window not in _ALLOWED_WINDOWS_SECONDS:
            allowed = ", ".join(f"{seconds // 60}m" for seconds in _ALLOWED_WINDOWS_SECONDS)
            reason = f"window must be one of {allowed}"
            raise ValueError(reason)
        if not set(self.sources) - {"audits"}:
            reason = "sources must name at least one source that counts; audits alone does not"
            raise ValueError(reason)
        for shorter, longer in (
            ("interval", "lookback"),
            ("window", "near"),
            ("near", "lookback"),
            ("settle", "lookback"),
            ("initial", "max_backfill"),
            ("lookback", "max_backfill"),
        ):
            if getattr(self, shorter) > getattr(self, longer):
                reason = f"{shorter} must not be longer than {longer}"
                raise ValueError(reason)
        return self


class HistogramDetail(StrEnum):
    """How finely ``/metrics`` tells how long executions took."""

    OFF = "off"
    COARSE = "coarse"
    FULL = "full"


class ServeSettings(Section):
    """``[serve]``: where the metrics, the pages and the API are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=9840, ge=0, le=65535)
    hosts: tuple[str, ...] = ()
    histogram: HistogramDetail = HistogramDetail.COARSE
    web_config: str = ""

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", name):
                reason = f"{name!r} is not a host's name, such as monitor.example.com, without port"
                raise ValueError(reason)
        return names


class StateSettings(Section):
    """``[state]``: where the ledger is kept, and for how long (seconds)."""

    url: str = Field(default="sqlite:///timeout-monitor.db", repr=False)  # may hold a password
    retention: Seconds = cast("int", "35d")


class ClassifySettings(Section):
    """``[classify]``: how the platform's words for a failure are read.

    ``function_categories`` is taken from older files and decides nothing any more: categories are
    free text, and the type of an action's integration tells whether it is a function.
    """

    timeout_error_types: tuple[str, ...] = (r"(?i)timed?[ _-]?out",)
    timeout_statuses: tuple[str, ...] = ("408", "504")
    remote_error_types: tuple[str, ...] = (r"(?i)remote",)
    throttle_error_types: tuple[str, ...] = (r"(?i)rate.?limit|concurren|too.?many",)
    throttle_statuses: tuple[str, ...] = ("429",)
    telephony_error_codes: tuple[str, ...] = (r"^error\.ininedgecontrol\.",)
    function_categories: tuple[str, ...] = ()

    @field_validator(
        "timeout_error_types",
        "remote_error_types",
        "throttle_error_types",
        "telephony_error_codes",
        "function_categories",
    )
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            refuse_pattern(pattern)
        return patterns

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The keys that are set and decide nothing any more."""
        return ("function_categories",) if self.function_categories else ()

    def classifier(self) -> Classifier:
        """The rule that these patterns make."""
        return Classifier.from_patterns(
            self.timeout_error_types,
            self.timeout_statuses,
            self.throttle_error_types,
            self.throttle_statuses,
            self.remote_error_types,
            self.telephony_error_codes,
        )


class RecommendSettings(Section):
    """``[recommend]``: the target of an action, and the least evidence to judge it by."""

    target_success: float = Field(default=0.99, ge=0.5, lt=1, allow_inf_nan=False)
    min_executions: int = Field(default=200, ge=1, le=_MOST)
    min_timeouts: int = Field(default=10, ge=1, le=_MOST)
    min_windows: int = Field(default=6, ge=1, le=_MOST)
    min_span: Seconds = cast("int", "1h")
    terraform_actions: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        if self.min_timeouts > self.min_executions:
            reason = "min_timeouts must not be more than min_executions"
            raise ValueError(reason)
        if self.min_span > DIAGNOSED_SECONDS:
            reason = (
                f"min_span must not be longer than the {DIAGNOSED_SECONDS // 86_400}d that a "
                "diagnosis looks at"
            )
            raise ValueError(reason)
        return self


class DiagnosingSettings(Section):
    """``[diagnosis]``: where diagnoses are made; here where no scheduler is named."""

    scheduler: str = ""

    @field_validator("scheduler")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        if address and not re.fullmatch(r"(tcp|tls)://[^\s/@]+:\d{1,5}", address):
            reason = (
                f"{address!r} is not the address of a Dask scheduler, such as "
                "tls://dask.example.com:8786"
            )
            raise ValueError(reason)
        return address


class RemediationSettings(Section):
    """``[remediation]``: every value may make changes rarer and smaller, none larger than this.

    ``max_timeout``, ``cooldown`` and ``quarantine`` are seconds.
    """

    mode: Literal["off", "recommend", "auto"] = "recommend"
    allow: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    allow_trials: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    max_timeout: Seconds = cast("int", "30s")
    max_step: float = Field(default=LARGEST_STEP, gt=1, le=LARGEST_STEP, allow_inf_nan=False)
    cooldown: Seconds = cast("int", "24h")
    max_changes_per_day: int = Field(default=5, ge=0, le=100)
    max_concurrency_share: float = Field(default=0.5, gt=0, le=1, allow_inf_nan=False)
    window: str = ""
    verify_windows: int = Field(default=6, ge=1, le=288)
    quarantine: Seconds = cast("int", "30d")
    trip_after: int = Field(default=3, ge=1, le=100)
    reader_may_write: bool = False
    audit_file: Path | None = None

    @field_validator("window")
    @classmethod
    def _are_hours(cls, text: str) -> str:
        parse_hours(text)
        return text

    @model_validator(mode="after")
    def _within_the_rails(self) -> Self:
        if not 1 <= self.max_timeout <= LARGEST_TIMEOUT_SECONDS:
            reason = (
                f"max_timeout must be 1s to {LARGEST_TIMEOUT_SECONDS}s; it can be lowered, never "
                "raised: a back end that needs longer wants an asynchronous call"
            )
            raise ValueError(reason)
        if self.cooldown < LEAST_COOLDOWN_SECONDS:
            reason = "cooldown must be at least 1h, or a change is judged before it can show"
            raise ValueError(reason)
        return self

    @property
    def max_timeout_ms(self) -> int:
        """The largest timeout that may be set, in milliseconds."""
        return self.max_timeout * 1000

    @property
    def hours(self) -> tuple[Hours, ...]:
        """When changes may be made; none means always."""
        return parse_hours(self.window)
