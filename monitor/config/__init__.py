"""Settings from a TOML file and the environment, checked as a whole before anything starts."""

from monitor.config.loading import DEFAULT_FILE, FILE_VARIABLE, ORG_VARIABLES, load
from monitor.config.organization import DEFAULT_REGION, OrgSettings
from monitor.config.paths import CREDENTIAL_FILES
from monitor.config.private_key import without_wrapping
from monitor.config.remediation import RemediationSettings
from monitor.config.sections import (
    DIAGNOSED_SECONDS,
    ClassifySettings,
    CollectSettings,
    RecommendSettings,
    ServeSettings,
    StateSettings,
)
from monitor.config.settings import Settings

__all__ = [
    "CREDENTIAL_FILES",
    "DEFAULT_FILE",
    "DEFAULT_REGION",
    "DIAGNOSED_SECONDS",
    "FILE_VARIABLE",
    "ORG_VARIABLES",
    "ClassifySettings",
    "CollectSettings",
    "OrgSettings",
    "RecommendSettings",
    "RemediationSettings",
    "ServeSettings",
    "Settings",
    "StateSettings",
    "load",
    "without_wrapping",
]
