"""What ``/readyz``, ``/healthz`` and ``/api/v1/status`` answer with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from monitor.contract import Contract
from monitor.render.documents.actions import LimitDocument
from monitor.render.documents.units import Document, GeneratedAt, Moment, OrgName, TakenAt

SourceName = Annotated[str, Meta(description="The source, such as actions or conversations.")]


class AliveDocument(Document, frozen=True):
    """The program runs."""

    alive: Annotated[bool, Meta(description="Always true.")]


class ErrorDocument(Document, frozen=True):
    """Why there is no other answer."""

    error: Annotated[str, Meta(description="What is wrong, in HTTP's own words.")]
    detail: Annotated[str | None, Meta(description="The same for people, and what to do.")]


class UnreadyDocument(Document, frozen=True):
    """A reason not to rely on what is shown."""

    org: Annotated[str | None, Meta(description="The org; null where it concerns all of them.")]
    source: Annotated[
        str | None, Meta(description="The source; null where it concerns the org as a whole.")
    ]
    reason: Annotated[str, Meta(description="What is wrong, in a few words.")]
    last_success_at: Annotated[
        Moment | None, Meta(description="The last good read; null where there was none.")
    ]
    stale_since: Annotated[
        Moment | None,
        Meta(description="When the data became too old; null where they never were fresh."),
    ]
    problem: Annotated[
        str | None, Meta(description="What went wrong in the newest poll, in one sentence.")
    ]


class StandbyDocument(Document, frozen=True):
    """An org that another program reads."""

    org: OrgName
    read_by: Annotated[str, Meta(description="Who reads it.")]


class ReadinessDocument(Document, frozen=True):
    """Whether what is shown can be relied on."""

    ready: Annotated[bool, Meta(description="Whether it can: complete and fresh.")]
    reasons: Annotated[list[UnreadyDocument], Meta(description="Every reason not to.")]
    standby: Annotated[list[StandbyDocument], Meta(description="Orgs that others read.")]


class DroppedRecordsDocument(Document, frozen=True):
    """Records of the platform that made no sense and were left out."""

    source: SourceName
    reason: Annotated[str, Meta(description="What was wrong with them.")]
    records: Annotated[int, Meta(description="How many since the start.")]


class SourceDocument(Document, frozen=True):
    """How fresh one source of an org is."""

    source: SourceName
    available: Annotated[
        bool | None, Meta(description="Whether it answers; null where it was not asked yet.")
    ]
    last_success_at: Annotated[
        Moment | None, Meta(description="When it was last read; null where it never was.")
    ]
    watermark: Annotated[
        Moment | None, Meta(description="Up to here everything was read without a hole.")
    ]
    newest_data_at: Annotated[Moment | None, Meta(description="The newest that it has shown.")]
    data_lag_seconds: Annotated[float | None, Meta(description="How old that is.")]
    restatements: Annotated[int, Meta(description="Counts that grew after they were first read.")]
    skipped_windows: Annotated[int, Meta(description="Windows that were too far back to read.")]


class RefusedDocument(Document, frozen=True):
    """A source that the platform refuses."""

    source: SourceName
    required: Annotated[bool, Meta(description="Whether nothing is counted without it.")]
    why: Annotated[str, Meta(description="Why, and what to do.")]


class OrgStatusDocument(Document, frozen=True):
    """How reading one org goes."""

    org: OrgName
    contract: Annotated[Contract, Meta(description="How the platform is asked.")]
    read_by: Annotated[
        str | None, Meta(description="Which other program reads it, where one does.")
    ]
    problem: Annotated[
        str | None, Meta(description="What went wrong in the newest poll; null where nothing did.")
    ]
    polls: Annotated[dict[str, int], Meta(description="Polls by result: ok, partial, failed.")]
    poll_duration_seconds: Annotated[
        float | None, Meta(description="How long the newest poll took; null before the first.")
    ]
    actions: Annotated[int, Meta(description="Data actions that are known.")]
    concurrency_limit: Annotated[
        int | None, Meta(description="The org's limit of executions at a time; null if not known.")
    ]
    limits: Annotated[
        list[LimitDocument], Meta(description="The org's own limits, the tightest first.")
    ]
    api_requests: Annotated[int, Meta(description="Requests to the platform since the start.")]
    dropped_records: Annotated[
        list[DroppedRecordsDocument], Meta(description="Records that were left out.")
    ]
    polled_at: Annotated[Moment | None, Meta(description="When the newest poll ended.")]
    catalogue_read_at: Annotated[
        Moment | None, Meta(description="When names and timeouts in force were last read.")
    ]
    diagnosed_at: Annotated[
        Moment | None,
        Meta(description="When its verdicts were last made, by whatever program; null before."),
    ]
    catalogue_problem: Annotated[
        str | None, Meta(description="Why they could not be read when that was last tried.")
    ]
    clock_skew_seconds: Annotated[
        float | None, Meta(description="How far the platform's clock is ahead of this one.")
    ]
    sources: Annotated[list[SourceDocument], Meta(description="How fresh each source is.")]
    refused: Annotated[list[RefusedDocument], Meta(description="Sources that are refused.")]


class StatusDocument(Document, frozen=True):
    """How reading each org goes."""

    generated_at: GeneratedAt
    snapshot_taken_at: TakenAt
    version: Annotated[str, Meta(description="The program's version.")]
    ready: Annotated[bool, Meta(description="Whether what is shown can be relied on.")]
    reasons: Annotated[list[UnreadyDocument], Meta(description="Every reason not to.")]
    standby: Annotated[list[StandbyDocument], Meta(description="Orgs that others read.")]
    stale_after_seconds: Annotated[float, Meta(description="Older data are stale.")]
    state_writable: Annotated[bool, Meta(description="Whether counts can be kept.")]
    clock_steps: Annotated[
        dict[str, int], Meta(description="How often the wall clock was set, by direction.")
    ]
    orgs: Annotated[list[OrgStatusDocument], Meta(description="Every org, as configured.")]
