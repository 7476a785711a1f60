"""Settings from a TOML file and the environment, checked as a whole before anything starts."""

from monitor.config.loading import DEFAULT_FILE, FILE_VARIABLE, ORG_VARIABLES, load
from monitor.config.organization import DEFAULT_REGION, OrgSettings
from monitor.config.paths import CREDENTIAL_FILES
from monitor.config.private_key import without_wrapping
from monitor.config.sections import (
    DIAGNOSED_SECONDS,
    LARGEST_STEP,
    ClassifySettings,
    CollectSettings,
    DiagnosingSettings,
    HistogramDetail,
    RecommendSettings,
    RemediationSettings,
    ServeSettings,
    StateSettings,
)
from monitor.config.settings import Settings
from monitor.config.small_file import read_small_file

__all__ = [
    "CREDENTIAL_FILES",
    "DEFAULT_FILE",
    "DEFAULT_REGION",
    "DIAGNOSED_SECONDS",
    "FILE_VARIABLE",
    "LARGEST_STEP",
    "ORG_VARIABLES",
    "ClassifySettings",
    "CollectSettings",
    "DiagnosingSettings",
    "HistogramDetail",
    "OrgSettings",
    "RecommendSettings",
    "RemediationSettings",
    "ServeSettings",
    "Settings",
    "StateSettings",
    "load",
    "read_small_file",
    "without_wrapping",
]
