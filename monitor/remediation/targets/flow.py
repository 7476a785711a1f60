"""The target ``flow``: timeouts inside a flow's document, under its ETag.

A flow can't be patched. Its whole document is sent back byte for byte, changed in one number, and
the platform takes it only while ``If-Match`` still names what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from monitor.diagnosis import Editable
from monitor.errors import (
    BadRequestError,
    ConflictError,
    EtagRewrittenError,
    GenesysError,
    NotFoundError,
)
from monitor.genesys import FLOW_DEFAULT_TIMEOUT_MS, Client, FlowDocument, bare_etag, get_flow
from monitor.name_patterns import is_named
from monitor.remediation.targets.flow_edit import (
    TimeoutField,
    find_timeout,
    with_timeout,
    with_version_of,
)
from monitor.remediation.targets.json_text import differences, digest
from monitor.remediation.targets.limits import (
    validate_lock,
    validate_whole,
    validate_write,
)
from monitor.remediation.targets.target import (
    SERVER_MANAGED,
    PreSendCheck,
    TargetState,
    Written,
    is_same_lock,
)
from monitor.remediation.targets.writing import Accepted, put_flow

_MOST_NAMED = 5
_PRECONDITION_FAILED = 412

_TERRAFORM = "Change the timeout where the flow's source is kept, then apply it with Terraform"
_EDITABLE = "Set the timeout of the data action in the flow's editor"


@dataclass(frozen=True, slots=True)
class _Document:
    """What a write needs, kept with its reading."""

    flow: FlowDocument
    field: TimeoutField


class FlowTarget:
    """The data actions of one flow."""

    def __init__(self, client: Client, flow_id: str, *, managed: Sequence[str] = ()) -> None:
        """Look at one flow.

        Args:
            client: An org's client.
            flow_id: The flow.
            managed: Patterns of names and ids, of flows or actions, that Terraform manages.
        """
        self._client = client
        self._flow_id = flow_id
        self._managed = tuple(managed)

    @property
    def kind(self) -> str:
        """Its name in the audit trail."""
        return "flow"

    @property
    def container_id(self) -> str:
        """The flow."""
        return self._flow_id

    @property
    def step_ms(self) -> int:
        """A flow counts milliseconds."""
        return 1

    def read(self, action_id: str) -> TargetState:
        """Read the flow afresh, and find one data action in it.

        Raises:
            NotFoundError: There is no such flow, or no such action in it.
            RefusedError: It is not certain which bytes are its timeout, or that it came whole.
            GenesysError: Any other error of the tree.
        """
        flow = get_flow(self._client, self._flow_id)
        validate_whole(f"the flow {flow.name or flow.flow_id}", is_whole=flow.is_whole)
        try:
            field = find_timeout(flow.raw, action_id)
        except NotFoundError as error:
            raise NotFoundError(error.message, _names(flow)) from error
        name = next((one.name for one in flow.data_actions if one.action_id == action_id), "")
        owned = is_named(self._managed, (flow.name, flow.flow_id, name, action_id))
        return TargetState(
            action_id=action_id,
            action_name=name or action_id,
            timeout_ms=FLOW_DEFAULT_TIMEOUT_MS if field.value_ms is None else field.value_ms,
            place=field.place,
            is_set=field.value_ms is not None,
            lock=flow.etag,
            lock_name="ETag",
            version=flow.version,
            editable=Editable.TERRAFORM if owned else Editable.YES,
            by_hand=_TERRAFORM if owned else _EDITABLE,
            document=_Document(flow, field),
        )

    def write(
        self, reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
    ) -> Written:
        """Send the whole document back with another timeout, if it is still the same.

        Raises:
            RefusedError: Terraform manages it, it came without an ETag, or the value is out of
                range; nothing was sent.
            ConflictError: Somebody wrote since; nothing was changed.
            EtagRewrittenError: Nobody did, and the ETag is refused; nothing was changed.
            BadRequestError: The platform refused the document; the hint says what was changed.
            AmbiguousWriteError: It is not known whether it was carried out.
            GenesysError: Any other of the tree; nothing was changed.
        """
        validate_write(reading, timeout_ms)
        document = cast("_Document", reading.document)
        changed = with_timeout(document.flow.raw, document.field, timeout_ms)
        try:
            accepted = self._put(document.flow, changed, pre_send_check)
        except BadRequestError as error:
            raise _explained(error, reading, timeout_ms) from error
        return Written(timeout_ms, accepted.etag, accepted.version)

    def restore(
        self,
        before: TargetState,
        now: TargetState,
        timeout_ms: int,
        *,
        pre_send_check: PreSendCheck | None = None,
    ) -> Written:
        """Send back the document as it was read before, under the ETag of now.

        Its version is the one of now, for a server may compare that too.

        Raises:
            RefusedError: There is no ETag; nothing was sent.
            ConflictError: Somebody wrote since; nothing was changed.
            EtagRewrittenError: Nobody did, and the ETag is refused; nothing was changed.
            AmbiguousWriteError: It is not known whether it was carried out.
            GenesysError: Any other of the tree; nothing was changed.
        """
        validate_lock(now)
        first = cast("_Document", before.document)
        current = cast("_Document", now.document).flow
        text = first.flow.raw
        if timeout_ms != before.timeout_ms:
            text = with_timeout(text, first.field, timeout_ms)
        accepted = self._put(current, with_version_of(text, current.raw), pre_send_check)
        return Written(timeout_ms, accepted.etag, accepted.version)

    def is_unchanged(self, before: TargetState, after: TargetState) -> bool:
        """Whether the ETag is the same, or the document with its version."""
        one, other = cast("_Document", before.document), cast("_Document", after.document)
        return (bool(before.lock) and is_same_lock(before.lock, after.lock)) or _says_the_same(
            one.flow, other.flow
        )

    def fingerprint(self, reading: TargetState) -> str:
        """A digest of the document without this timeout and what the server manages."""
        flow = cast("_Document", reading.document).flow
        return digest(flow.raw, {reading.place}, SERVER_MANAGED)

    def differences(self, before: TargetState, after: TargetState) -> Sequence[str]:
        """Where two readings differ, but for the timeout and what the server manages."""
        one, other = cast("_Document", before.document), cast("_Document", after.document)
        return tuple(differences(one.flow.raw, other.flow.raw, {before.place}, SERVER_MANAGED))

    def _put(
        self, current: FlowDocument, text: bytes, pre_send_check: PreSendCheck | None
    ) -> Accepted:
        """Send a document under the ETag that the present one was read under.

        Where that is refused and nobody has changed the document, a gateway has changed the ETag:
        it is sent once more under the one that the gateway had from the platform, as far as that
        shows.

        Raises:
            ConflictError: Somebody wrote since; nothing was changed.
            EtagRewrittenError: Nobody did; nothing was changed.
            GenesysError: As ``put_flow`` has it.
        """

        def put(etag: str) -> Accepted:
            return put_flow(self._client, self._flow_id, text, etag, pre_send_check=pre_send_check)

        try:
            return put(current.etag)
        except ConflictError as error:
            now = self._unchanged_since(current, error)
            bare = bare_etag(now.etag)
            if bare in {"", current.etag}:
                raise _rewritten(current, error) from error
        try:
            return put(bare)
        except ConflictError as error:
            self._unchanged_since(current, error)
            raise _rewritten(current, error) from error

    def _unchanged_since(self, current: FlowDocument, error: ConflictError) -> FlowDocument:
        """The document as it is now, after a conflict that nobody else has caused.

        Raises:
            ConflictError: The one that was met: somebody has caused it, or nobody can tell.
        """
        if error.status != _PRECONDITION_FAILED:
            raise error
        try:
            now = get_flow(self._client, self._flow_id)
        except GenesysError:
            raise error from None
        if not (now.is_whole and _says_the_same(current, now)):
            raise error
        return now


def _says_the_same(one: FlowDocument, other: FlowDocument) -> bool:
    """Whether two documents are the same, with their versions and dates."""
    return next(differences(one.raw, other.raw), None) is None


def _rewritten(flow: FlowDocument, error: ConflictError) -> EtagRewrittenError:
    return EtagRewrittenError(
        f"The platform refuses the ETag of the flow {flow.name or flow.flow_id}, and nobody has "
        f"changed the flow: a gateway rewrites ETags, and gave {flow.etag}",
        "Let the gateway pass ETags on as they are for /api/v2/flows, which most do where they "
        "don't compress; or set api_url to the platform itself.",
        endpoint=error.endpoint,
        status=error.status,
        correlation_id=error.correlation_id,
    )


def _names(flow: FlowDocument) -> str:
    """What the flow has, for whoever asked for something else."""
    if not flow.data_actions:
        return f"The flow {flow.name or flow.flow_id} has no data actions at all."
    known = [f"{one.name} ({one.action_id})" for one in flow.data_actions[:_MOST_NAMED]]
    more = len(flow.data_actions) - len(known)
    rest = f" and {more} more; timeout-monitor flow show lists them" if more else ""
    return f"It has {', '.join(known)}{rest}."


def _explained(error: BadRequestError, reading: TargetState, timeout_ms: int) -> BadRequestError:
    """The same, with what was sent that differs from what was fetched."""
    before = f"{reading.timeout_ms} ms" if reading.is_set else "no value"
    return BadRequestError(
        error.message,
        f"The document that was sent differs from the one that was fetched at "
        f"{reading.place} alone, {before} before and {timeout_ms} ms now; change it in the "
        "flow's editor to see what the platform wants.",
        endpoint=error.endpoint,
        status=error.status,
        correlation_id=error.correlation_id,
        code=error.code,
        detail=error.detail,
    )
