"""``[remediation]``: whether timeouts are changed, whose, how far and how often."""

from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import Field, field_validator, model_validator

from monitor.config.section import Seconds, Section
from monitor.time_ranges import Hours, parse_hours

LARGEST_TIMEOUT_SECONDS = 30
LARGEST_STEP = 1.5
LEAST_COOLDOWN_SECONDS = 3600


class RemediationSettings(Section):
    """``[remediation]``: every value may make changes rarer and smaller, none larger than this.

    ``max_timeout``, ``cooldown`` and ``quarantine`` are seconds.
    """

    mode: Literal["off", "recommend", "auto"] = "recommend"
    allow: tuple[Annotated[str, Field(min_length=1)], ...] = ()
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
