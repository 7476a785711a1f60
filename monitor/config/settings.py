"""Everything the program can be told, as one frozen value that is checked as a whole."""

from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from monitor.config.organization import OrgSettings
from monitor.config.sections import (
    DIAGNOSED_SECONDS,
    ClassifySettings,
    CollectSettings,
    DiagnosingSettings,
    RecommendSettings,
    RemediationSettings,
    ServeSettings,
    StateSettings,
)
from monitor.contract import Contract
from monitor.errors import ConfigurationError

PREFIX = "TIMEOUT_MONITOR__"


class Settings(BaseSettings):
    """Everything the program can be told, frozen once it is loaded."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    collect: CollectSettings = CollectSettings()
    serve: ServeSettings = ServeSettings()
    state: StateSettings = StateSettings()
    classify: ClassifySettings = ClassifySettings()
    recommend: RecommendSettings = RecommendSettings()
    diagnosis: DiagnosingSettings = DiagnosingSettings()
    remediation: RemediationSettings = RemediationSettings()
    org: tuple[OrgSettings, ...] = ()

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        names = [org.name for org in self.org]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            reason = f"org: the name {doubled[0]!r} is used twice; names keep the counts apart"
            raise ValueError(reason)
        if self.state.retention < self.collect.max_backfill + self.collect.lookback:
            reason = (
                "state.retention must be at least collect.max_backfill plus collect.lookback, "
                "or windows that were forgotten could be counted again"
            )
            raise ValueError(reason)
        if self.recommend.min_windows * self.collect.window > DIAGNOSED_SECONDS:
            reason = (
                "recommend.min_windows is more windows than fit into the "
                f"{DIAGNOSED_SECONDS // 86_400}d that a diagnosis looks at"
            )
            raise ValueError(reason)
        if self.diagnosis.scheduler and not self.state.url.startswith("postgresql"):
            reason = (
                "diagnosis.scheduler needs a state that its workers can reach: state.url of a "
                "PostgreSQL server"
            )
            raise ValueError(reason)
        return self

    @model_validator(mode="after")
    def _may_write(self) -> Self:
        if self.remediation.mode != "auto" or self.remediation.reader_may_write:
            return self
        for org in self.org:
            if org.write_client_id is None:
                reason = (
                    f"org {org.name} has no write_client_id, which remediation.mode = auto needs: "
                    "a client of its own that may write, or remediation.reader_may_write = true"
                )
                raise ValueError(reason)
        return self

    def chosen_orgs(self, name: str | None) -> tuple[OrgSettings, ...]:
        """Return the org of this name; all of them where none is named.

        Raises:
            ConfigurationError: There is none of this name.
        """
        found = tuple(org for org in self.org if name in {None, org.name})
        if not found:
            raise ConfigurationError(
                f"No org is called {name}",
                f"Configured are {', '.join(org.name for org in self.org)}.",
            )
        return found

    def refuse_what_needs_a_restart(self, new: "Settings") -> None:
        """Make sure that a running daemon can go on with other settings than these.

        Raises:
            ConfigurationError: They differ in what is taken at the start alone, or name no org.
        """
        for section in ("serve", "state", "classify", "diagnosis"):
            if getattr(new, section) != getattr(self, section):
                raise ConfigurationError(
                    f"[{section}] has changed, and it can't change while the daemon runs",
                    "Restart the daemon to use it; until then everything stays as it was.",
                )
        if not new.org:
            raise ConfigurationError(
                "No org is configured any more", "Add an [[org]], or stop the daemon."
            )

    def sources_of(self, org: OrgSettings) -> tuple[str, ...]:
        """The sources that polls ask: an org that speaks only flows has no action aggregates."""
        if org.contract is Contract.FLOW:
            return (
                "conversations",
                *(one for one in self.collect.sources if one == "flow-errors"),
            )
        return tuple(source for source in self.collect.sources if source != "audits")

    def reads_audits(self, org: OrgSettings) -> bool:
        """Whether the audit log of an org is read, which is asked with its catalogue."""
        return org.contract is Contract.PLATFORM and "audits" in self.collect.sources
