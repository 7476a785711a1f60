"""Whether timeouts could be written, as far as that shows without writing one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from monitor.checkup.findings import Finding, Level, failed
from monitor.clock import Clock
from monitor.config import OrgSettings, RemediationSettings
from monitor.contract import Contract
from monitor.errors import ConfigurationError, PermissionDeniedError, TimeoutMonitorError
from monitor.genesys import OWN_ROLES, Client, connect, is_granted, list_actions, whoami

LOGIN_SECONDS = 10.0
"""Whoever asks for a check waits in front of it: a host that is not there need not be asked again
and again, as a poll would."""

EDIT = "integrations:action:edit"
EDIT_FLOWS = "flow:flow:write"


def write_access_findings(
    org: OrgSettings, remediation: RemediationSettings, clock: Clock
) -> Iterator[Finding]:
    """Check who writes: a client of its own where one is configured, and in auto whoever does.

    Where the mode is off nothing is ever written; in recommend without a client of its own, only
    what a person asks for, with the client that reads.
    """
    if remediation.mode == "off" or (remediation.mode != "auto" and org.write_client_id is None):
        return
    subject, writer = f"{org.name}: writer", org.as_writer()
    try:
        with closing(connect(writer, deadline_seconds=LOGIN_SECONDS, clock=clock)) as client:
            yield _finding(subject, org, writer, client, clock)
    except TimeoutMonitorError as error:
        yield failed(subject, error)


def _finding(
    subject: str, org: OrgSettings, writer: OrgSettings, client: Client, clock: Clock
) -> Finding:
    client.log_in()
    if org.contract is Contract.FLOW:
        return _unproven(subject, writer, EDIT_FLOWS)
    _refuse_another_org(org, client, clock)
    # What is written is read before and after, by the same client.
    list_actions(client)
    granted = is_granted(client, EDIT)
    if granted is None:
        return _unproven(subject, writer, EDIT)
    if not granted:
        raise PermissionDeniedError(
            f"The client {writer.client_id}, which writes, may not edit data actions",
            f"Grant {EDIT} to a role under Admin > Roles/Permissions, and that role to the client "
            "under Admin > Integrations > OAuth > Roles.",
            endpoint=OWN_ROLES.label,
        )
    return Finding(
        subject, Level.OK, f"The client {writer.client_id} is logged in, and may edit data actions"
    )


def _refuse_another_org(org: OrgSettings, client: Client, clock: Clock) -> None:
    """Make sure that the client that writes is of the org that is read.

    Raises:
        ConfigurationError: It is of another one.
    """
    if org.write_client_id is None:
        return
    try:
        with closing(connect(org, deadline_seconds=LOGIN_SECONDS, clock=clock)) as reader:
            read = whoami(reader, clock)
    except TimeoutMonitorError:
        return  # told with the client that reads
    written = whoami(client, clock)
    if written.org_id != read.org_id:
        raise ConfigurationError(
            f"The client {org.write_client_id} writes to another org, "
            f"{written.org_name or written.org_id}, than {org.client_id} reads",
            "Set write_client_id to a client of the org that is read.",
        )


def _unproven(subject: str, writer: OrgSettings, permission: str) -> Finding:
    return Finding(
        subject,
        Level.WARNING,
        f"The client {writer.client_id} is logged in; whether it holds {permission} can't be asked "
        "here, and shows at its first write",
        f"Make sure that {permission} is granted to a role of the client: nothing is written to "
        "find out.",
    )
