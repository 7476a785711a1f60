"""A flow's data actions, and what was done to one of them, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.cli.terminal import drawn, json_text
from monitor.sanitize import tame

if TYPE_CHECKING:
    from monitor.genesys import FlowDataAction, FlowDocument
    from monitor.remediation import SetTimeoutResult, TargetState


def shown_flow(flow: FlowDocument, org: str, *, as_json: bool) -> str:
    """The data actions of a flow in the order of its document."""
    if as_json:
        return json_text(
            {
                "org": org,
                "flow_id": flow.flow_id,
                "flow_name": flow.name,
                "version": flow.version or None,
                "etag": flow.etag or None,
                "actions": [
                    {
                        "action_id": one.action_id,
                        "action_name": one.name,
                        "method": one.method,
                        "url": one.url,
                        "timeout_seconds": one.timeout_ms / 1000,
                        "timeout_is_set": one.is_set,
                    }
                    for one in flow.data_actions
                ],
            }
        )
    from rich.table import Table
    from rich.text import Text

    heading = Text.assemble((flow.name or flow.flow_id, "bold"), f"  {flow.flow_id}")
    if flow.version:
        heading.append(f"  version {flow.version}")
    if not flow.data_actions:
        return drawn(heading, Text("No data actions"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Action", overflow="fold")
    table.add_column("Id", overflow="fold", style="dim")
    table.add_column("Method")
    table.add_column("URL", overflow="fold")
    table.add_column("Timeout", justify="right", no_wrap=True)
    for one in flow.data_actions:
        table.add_row(
            Text(one.name or "-"),
            Text(tame(one.action_id)),
            Text(one.method or "-"),
            Text(one.url or "-"),
            _timeout(one),
        )
    return drawn(heading, table)


def shown_result(flow: FlowDocument, result: SetTimeoutResult, org: str, *, as_json: bool) -> str:
    """What was done: before, after, and the version that came of it."""
    before, after = result.before, result.after
    if as_json:
        return json_text(
            {
                "org": org,
                "flow_id": flow.flow_id,
                "flow_name": flow.name,
                "action_id": before.action_id,
                "action_name": before.action_name,
                "place": before.place,
                "outcome": str(result.outcome),
                "from_seconds": before.timeout_ms / 1000,
                "to_seconds": result.to_ms / 1000,
                "version_before": before.version or None,
                "version_after": after.version or None if after else None,
                "etag_before": before.lock or None,
                "etag_after": after.lock or None if after else None,
                "also_changed": list(result.also_changed),
                "writes": result.writes,
                "remarks": list(result.remarks),
            }
        )
    from rich.text import Text

    heading = Text.assemble(
        (before.action_name, "bold"), f"  {tame(before.action_id)}, in ", (flow.name or "", "bold")
    )
    heading.append(f"  {flow.flow_id}")
    facts = _facts(flow, result) + [("note", remark) for remark in result.remarks]
    lines = [heading, *(Text(f"  {name:<8} {value}") for name, value in facts)]
    return drawn(*lines)


def _facts(flow: FlowDocument, result: SetTimeoutResult) -> list[tuple[str, str]]:
    """What is worth a line, with its name."""
    before, after = result.before, result.after
    change = f"{_value(before)} -> {result.to_ms} ms"
    if result.outcome == "dry_run":
        return [
            ("timeout", f"{change} in a dry run: nothing was sent"),
            ("request", f"PUT /api/v2/flows/{flow.flow_id} with If-Match {before.lock}"),
            ("changed", f"{before.place}; every other byte stays as it is"),
        ]
    if result.outcome == "unchanged" or after is None:
        return [("timeout", f"{_value(after or before)} already: nothing was changed")]
    checked = "read back; nothing else differs"
    if result.also_changed:
        checked = f"read back; somebody else changed {', '.join(result.also_changed)}"
    return [
        ("timeout", change),
        ("version", f"{before.version or '?'} -> {after.version or '?'}"),
        ("ETag", f"{before.lock} -> {after.lock or '?'}"),
        ("checked", checked),
    ]


def _value(reading: TargetState) -> str:
    return f"{reading.timeout_ms} ms" + ("" if reading.is_set else " (the default)")


def _timeout(action: FlowDataAction) -> Any:  # noqa: ANN401 - rich is imported late
    from rich.text import Text

    default = ("" if action.is_set else " default", "dim")
    return Text.assemble(f"{action.timeout_ms:,} ms", default)
