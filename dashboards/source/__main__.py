"""Writes every generated file: ``python -m dashboards.source [--grafana URL] [--runbook URL]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from dashboards.source.files import generated
from dashboards.source.objectives import GRAFANA, RUNBOOK

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.source")
    parser.add_argument("--grafana", default=GRAFANA, help="where alerts say the dashboards are")
    parser.add_argument("--runbook", default=RUNBOOK, help="where alerts say the runbook is")
    chosen = parser.parse_args()
    for name, text in generated(chosen.grafana, chosen.runbook).items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
