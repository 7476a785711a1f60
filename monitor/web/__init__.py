"""Shows the current snapshot over HTTP: metrics, health, a JSON API and a status page."""

from monitor.web.action_routes import ActionReader
from monitor.web.app import create_app
from monitor.web.changes_page import TrailReader
from monitor.web.connections import ConnectionLimits
from monitor.web.exposure import exposure_of
from monitor.web.hosts import HostNames
from monitor.web.server import WebServer
from monitor.web.static_files import report_assets
from monitor.web.web_config import WebConfig

__all__ = [
    "ActionReader",
    "ConnectionLimits",
    "HostNames",
    "TrailReader",
    "WebConfig",
    "WebServer",
    "create_app",
    "exposure_of",
    "report_assets",
]
