"""What the client behind a token may do, as far as the platform says: ``AuthzSubject``."""

from __future__ import annotations

import msgspec

from monitor.errors import BadRequestError, NotFoundError, PermissionDeniedError
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.endpoint import Endpoint

OWN_ROLES = Endpoint("GET", "/api/v2/authorization/subjects/me")
_ANY = "*"


class _Policy(msgspec.Struct, frozen=True):
    domain: str | None = None
    entity_name: str | None = msgspec.field(default=None, name="entityName")
    actions: tuple[str, ...] | None = None
    condition: str | None = None

    def allows(self, domain: str, entity: str, action: str) -> bool:
        return (
            self.domain in {domain, _ANY}
            and self.entity_name in {entity, _ANY}
            and bool({action, _ANY}.intersection(self.actions or ()))
        )


class _Role(msgspec.Struct, frozen=True):
    policies: tuple[_Policy, ...] | None = None


class _Grant(msgspec.Struct, frozen=True):
    role: _Role | None = None


class _Subject(msgspec.Struct, frozen=True):
    grants: tuple[_Grant, ...] | None = None


def is_granted(client: Client, permission: str) -> bool | None:
    """Return whether a role of the client holds a permission.

    Args:
        client: Asks for itself.
        permission: As ``domain:entity:action``.

    Returns:
        None where the platform does not say: it may show roles to users alone, or without what
        they allow.

    Raises:
        GenesysError: One of the tree, but for a refusal.
    """
    try:
        subject = client.call(OWN_ROLES, _Subject, params={"includeFullRoles": "true"})
    except (BadRequestError, NotFoundError, PermissionDeniedError):
        return None
    roles = [grant.role for grant in subject.grants or () if grant.role is not None]
    domain, entity, action = permission.split(":")
    policies = [policy for role in roles for policy in role.policies or ()]
    if any(policy.allows(domain, entity, action) for policy in policies):
        return True
    # A role that hides what it allows may hold it; no role at all holds nothing.
    return None if any(role.policies is None for role in roles) else False
