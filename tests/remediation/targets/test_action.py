"""What only an integration action does: its whole configuration goes back, templates and all."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NoReturn

import pytest

from monitor.diagnosis import Editable
from monitor.errors import (
    AmbiguousWriteError,
    BusyError,
    ConflictError,
    NotJsonError,
    RefusedError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import Client, connect
from monitor.model import ActionKind
from monitor.remediation.targets import IntegrationActionTarget
from monitor.simulator.scenario_types import SimulatedAction
from monitor.simulator.scenarios import (
    BRANCH_FINDER,
    PARTNER_TOKEN,
    PRICE_QUOTE,
    SEND_CONFIRMATION,
)
from tests.genesys.client.test_whole_answers import chunks, sends
from tests.genesys.far_side import Act, FarSide, Reply, listening
from tests.genesys.sdk_models import payload_problems
from tests.remediation.simulated_targets import ServeTarget
from tests.simulated_org import org_settings

ACTION = "/api/v2/integrations/actions/a-1"
READ = f"GET {ACTION}"
WRITE = f"PATCH {ACTION}"
REQUEST_TEMPLATE = f"GET {ACTION}/templates/requesttemplate.vm"
SUCCESS_TEMPLATE = f"GET {ACTION}/templates/successtemplate.vm"
LIST = "GET /api/v2/integrations/actions"

INTEGRATIONS = "GET /api/v2/integrations"
WEB_SERVICES = {"id": "i-1", "name": "CRM", "integrationType": {"id": "custom-rest-actions"}}

SHOWN = b"""{"id": "a-1", "name": "Get Customer", "integrationId": "i-1",
 "category": "Web Services Data Actions", "version": 7, "secure": false,
 "config": {"timeoutSeconds": 10, "newKnob": 1e-7, "wide": 123456789012345678901234567890,
  "request": {"requestUrlTemplate": "https://crm/\\u00e9", "requestTemplateUri": "/x/r",
   "requestType": "POST", "headers": {"k": "v"}, "retries": 2},
  "response": {"translationMap": {}, "translationMapDefaults": {}, "successTemplateUri": "/x/s"}}}
"""


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """An action with two templates and fields that nobody has heard of."""
    with listening() as far_side:
        far_side.on(READ, Reply(body=SHOWN))
        far_side.on(REQUEST_TEMPLATE, Reply(body="${input.é}".encode()))
        far_side.on(SUCCESS_TEMPLATE, Reply(body=b""))
        far_side.on(LIST, Reply(body={"entities": [{"id": "a-1", "name": "Get Customer"}]}))
        far_side.on(WRITE, Reply(body={"id": "a-1", "version": 8}))
        yield far_side


@pytest.fixture
def client(far_side: FarSide) -> Iterator[Client]:
    """A client of the real parts."""
    with closing(connect(org_settings(far_side.url), deadline_seconds=5)) as client:
        yield client


@pytest.fixture
def target(client: Client) -> IntegrationActionTarget:
    """What is tested; the catalogue knows that the action is no function."""
    return IntegrationActionTarget(client, kind_of=lambda _action_id: ActionKind.CUSTOM)


def sent(far_side: FarSide) -> Any:  # noqa: ANN401 - tests compare it with literals
    """The body of the only write."""
    (seen,) = far_side.requests(WRITE)
    return seen.json


def test_the_whole_configuration_goes_back(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """Every field that came, also unknown ones, and the templates' texts in place of addresses."""
    target.write(target.read("a-1"), 12_000)

    came = json.loads(SHOWN)
    expected = came["config"] | {"timeoutSeconds": 12}
    expected["request"] = came["config"]["request"] | {"requestTemplate": "${input.é}"}
    expected["response"] = came["config"]["response"] | {"successTemplate": ""}
    del expected["request"]["requestTemplateUri"], expected["response"]["successTemplateUri"]
    assert sent(far_side) == {
        "name": "Get Customer",
        "category": "Web Services Data Actions",
        "version": 7,
        "config": expected,
    }


def test_numbers_go_back_as_they_were_written(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """Neither the small nor the wide one is rounded or written another way."""
    target.write(target.read("a-1"), 12_000)

    (seen,) = far_side.requests(WRITE)
    assert b'"newKnob":1e-7,"wide":123456789012345678901234567890,' in seen.body


def test_what_is_sent_fits_the_published_model(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """Where the platform sent only what the official SDK knows, so does this program."""
    known = json.loads(SHOWN)
    for part, name in ((known["config"], "newKnob"), (known["config"], "wide")):
        del part[name]
    del known["config"]["request"]["retries"]
    far_side.on(READ, Reply(body=known))

    target.write(target.read("a-1"), 12_000)

    assert list(payload_problems(sent(far_side), "UpdateActionInput")) == []


@pytest.mark.parametrize("shown", ["nothing", "uri", "inline"])
def test_both_templates_go_back_whatever_the_configuration_shows(
    target: IntegrationActionTarget, far_side: FarSide, shown: str
) -> None:
    """A PATCH that replaces would wipe what it leaves out, and no field tells that it is there."""
    known = json.loads(SHOWN)
    del known["config"]["request"]["requestTemplateUri"]
    del known["config"]["response"]["successTemplateUri"]
    if shown == "uri":
        known["config"]["request"]["requestTemplateUri"] = "/x/r"
        known["config"]["response"]["successTemplateUri"] = "/x/s"
    if shown == "inline":
        known["config"]["request"]["requestTemplate"] = "${input.é}"
        known["config"]["response"]["successTemplate"] = ""
    far_side.on(READ, Reply(body=known))

    target.write(target.read("a-1"), 12_000)

    config = sent(far_side)["config"]
    assert config["request"]["requestTemplate"] == "${input.é}"
    assert config["response"]["successTemplate"] == ""
    assert not [key for part in ("request", "response") for key in config[part] if "Uri" in key]


def test_a_text_in_the_configuration_that_is_not_the_templates_is_not_trusted(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """One of the two is wrong, and nobody can tell which."""
    known = json.loads(SHOWN)
    known["config"]["request"]["requestTemplate"] = "another"
    far_side.on(READ, Reply(body=known))

    with pytest.raises(ServerFaultError, match=r"requesttemplate\.vm .* came out two ways"):
        target.read("a-1")


@pytest.mark.parametrize("template", [REQUEST_TEMPLATE, SUCCESS_TEMPLATE])
def test_a_template_that_is_not_there_refuses_the_write(
    target: IntegrationActionTarget, far_side: FarSide, template: str
) -> None:
    """Every action has both: the action is gone, or it can't be sent back whole."""
    far_side.on(template, Reply(404, {"code": "not.found"}))

    reading = target.read("a-1")
    with pytest.raises(RefusedError, match="does not know the template") as caught:
        target.write(reading, 12_000)

    assert reading.timeout_ms == 10_000
    assert (caught.value.guard, far_side.requests(WRITE)) == ("whole_templates", [])
    assert caught.value.hint


def cut(text: bytes, how: str) -> Act | Reply:
    """A text that loses its end on the way, and does not show it."""
    headers = {"Content-Type": "text/plain"}
    squeezed = gzip.compress(text)[:-9]
    coded = {**headers, "Content-Encoding": "gzip"}
    found: dict[str, Act | Reply] = {
        "gzip without its end": Reply(body=squeezed, headers=coded),
        "gzip in chunks": sends(chunks(squeezed), {**coded, "Transfer-Encoding": "chunked"}),
        "gzip by close": sends(squeezed, coded),
        "deflate": Reply(body=zlib.compress(text)[:-5], headers={**headers, **DEFLATED}),
        "by close": sends(text[:-4], headers),
        "empty": sends(b"", headers),
    }
    return found[how]


DEFLATED = {"Content-Encoding": "deflate"}
CUTS = ["gzip without its end", "gzip in chunks", "gzip by close", "deflate", "by close", "empty"]


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("template", [REQUEST_TEMPLATE, SUCCESS_TEMPLATE])
def test_a_template_that_is_cut_alike_each_time_refuses_the_write(
    target: IntegrationActionTarget, far_side: FarSide, template: str, how: str
) -> None:
    """Both readings agree, and nothing of it is what its author wrote."""
    far_side.on(template, cut(b"#set($x = 1)" * 50 + b"${x}", how))

    with pytest.raises(RefusedError, match=r"Nothing shows that the template .* came whole") as no:
        target.read("a-1")

    assert (no.value.guard, far_side.requests(WRITE)) == ("whole_answer", [])
    assert no.value.hint


@pytest.mark.parametrize("how", ["by close", "gzip by close"])
def test_an_action_that_is_not_proven_whole_refuses_the_write(
    target: IntegrationActionTarget, far_side: FarSide, how: str
) -> None:
    """Though its JSON seems to have come to its end."""
    framed = sends(SHOWN, {"Content-Type": "application/json"})
    zipped = sends(
        gzip.compress(SHOWN)[:-3],
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    far_side.on(READ, framed if how == "by close" else zipped)

    with pytest.raises(RefusedError, match="the action Get Customer came whole") as caught:
        target.read("a-1")

    assert caught.value.guard == "whole_answer"


def test_a_template_is_asked_for_as_text(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """It is no JSON, and some servers refuse to send what was not asked for."""
    target.read("a-1")

    accepted = {seen.headers["Accept"] for seen in far_side.requests(REQUEST_TEMPLATE)}
    assert accepted == {"text/plain, */*"}


@pytest.mark.parametrize(
    "wrong",
    [Reply(404, {"code": "not.found"}), Reply(body={"message": "busy"}), Reply(body=b"")],
    ids=["missing", "json", "empty"],
)
@pytest.mark.parametrize("at", [0, 1])
def test_one_wrong_answer_does_not_lose_a_template(
    target: IntegrationActionTarget, far_side: FarSide, wrong: Reply, at: int
) -> None:
    """A write would leave it out, or send what came in its place: so it is read twice."""
    replies = [Reply(body=b"${input.rawRequest}")]
    replies.insert(at, wrong)
    far_side.on(REQUEST_TEMPLATE, *replies)

    with pytest.raises(ServerFaultError, match=r"requesttemplate\.vm .* came out two ways"):
        target.read("a-1")


def test_the_last_check_can_still_stop_a_write(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """It is asked after every wait, and what it says is said."""

    def no() -> NoReturn:
        message = "too late"
        raise BusyError(message)

    with pytest.raises(BusyError, match="too late"):
        target.write(target.read("a-1"), 12_000, pre_send_check=no)

    assert far_side.requests(WRITE) == []


def test_a_template_that_is_no_text_is_told(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """What can't be read can't be sent back whole."""
    far_side.on(REQUEST_TEMPLATE, Reply(body=b"\xff\xfe"))

    with pytest.raises(NotJsonError, match=r"requesttemplate\.vm of the action a-1 is no text"):
        target.read("a-1")


def test_a_proxys_page_is_no_template(target: IntegrationActionTarget, far_side: FarSide) -> None:
    """It would be written into the action, in the place of what its author wrote."""
    far_side.on(SUCCESS_TEMPLATE, Reply(body=b"\n<!DOCTYPE html>\n<html>Sign in</html>"))

    with pytest.raises(NotJsonError, match=r"successtemplate\.vm of the action a-1 came as a web"):
        target.read("a-1")


def test_another_actions_document_is_not_written_into_this_one(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """A cache mixed two answers up: what it shows is not this action's, whatever its version."""
    far_side.on(READ, Reply(body=SHOWN.replace(b'"a-1"', b'"b-2"')))

    with pytest.raises(WrongShapeError, match="for a-1 is about b-2"):
        target.read("a-1")


@pytest.mark.parametrize(
    "error",
    [
        {"message": "upstream failed", "code": "bad.gateway", "status": 502},
        {"error": "forbidden", "message": "by policy"},
    ],
)
def test_an_error_that_came_as_a_success_is_no_template(
    target: IntegrationActionTarget, far_side: FarSide, error: dict[str, object]
) -> None:
    """It would be written into the action, and read back as right for as long as it comes."""
    far_side.on(SUCCESS_TEMPLATE, Reply(body=error))

    with pytest.raises(NotJsonError, match="came as a web page or an error"):
        target.read("a-1")


def test_one_text_for_both_templates_is_nobodys(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """A proxy that blocks them says the same of each; nothing else tells what they are."""
    for one in (REQUEST_TEMPLATE, SUCCESS_TEMPLATE):
        far_side.on(one, Reply(body=b"Blocked by policy: file type .vm"))

    with pytest.raises(RefusedError, match="came as the same text") as caught:
        target.read("a-1")

    assert caught.value.guard == "whole_templates"


def test_a_template_with_fields_called_so_is_one(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """What an action sends or makes of an answer may well hold a message and a status."""
    far_side.on(SUCCESS_TEMPLATE, Reply(body=b'{"message": "${text}", "status": 200}'))

    target.write(target.read("a-1"), 12_000)

    assert "${text}" in sent(far_side)["config"]["response"]["successTemplate"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"requestTemplateUri": "/x/r"', b'"requestTemplate": {"a": 1}'),
        (b'"requestTemplateUri": "/x/r"', b'"requestTemplate": [1]'),
        (b'"requestTemplateUri": "/x/r"', b'"requestTemplate": 1'),
        (b'"translationMapDefaults": {}', b'"translationMapDefaults": "\xff"'),
        (b'"translationMapDefaults": {}', b'"translationMapDefaults": "\\ud83c"'),
        (b'"wide": 123456789012345678901234567890', b'"wide": 1e99999999999999999999'),
    ],
)
def test_a_shape_that_nobody_foresaw_is_no_crash(
    target: IntegrationActionTarget, far_side: FarSide, old: bytes, new: bytes
) -> None:
    """It is read as it stands, or told as not shown, which stops all after a write of ours."""
    assert old in SHOWN
    far_side.on(READ, Reply(body=SHOWN.replace(old, new)))

    told: RefusedError | NotJsonError | None = None
    try:
        reading = target.read("a-1")
    except (RefusedError, NotJsonError) as error:
        told = error
    else:
        assert target.fingerprint(reading)
        assert target.differences(reading, reading) == ()
    assert getattr(told, "guard", "whole_configuration") == "whole_configuration"


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("name", "no name"),
        ("category", "no category"),
        ("request", "no request configuration"),
        ("response", "no response configuration"),
    ],
)
@pytest.mark.parametrize("how", ["absent", "null"])
def test_an_action_of_which_a_part_is_not_shown_is_not_written(
    target: IntegrationActionTarget, far_side: FarSide, missing: str, words: str, how: str
) -> None:
    """Every action has them; what is hidden, and so left out, could be wiped."""
    known = json.loads(SHOWN)
    holder = known["config"] if missing in known["config"] else known
    del holder[missing]
    if how == "null":
        holder[missing] = None
    far_side.on(READ, Reply(body=known))

    with pytest.raises(RefusedError, match=f"showed {words} of") as caught:
        target.write(target.read("a-1"), 12_000)

    assert (caught.value.guard, far_side.requests(WRITE)) == ("whole_configuration", [])


def test_an_action_without_configuration_is_not_written(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """A configuration of one field could wipe out all the others."""
    far_side.on(READ, Reply(body={"id": "a-1", "name": "A", "version": 3}))

    with pytest.raises(RefusedError, match="no configuration of A") as caught:
        target.write(target.read("a-1"), 12_000)

    assert caught.value.guard == "whole_configuration"
    assert far_side.requests(WRITE) == []


def test_an_action_without_a_version_is_not_written(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """Without a lock somebody else's change could be lost."""
    far_side.on(READ, Reply(body={"id": "a-1", "name": "A", "config": {}}))

    with pytest.raises(RefusedError, match="no version for A") as caught:
        target.write(target.read("a-1"), 12_000)

    assert caught.value.guard == "lock"
    assert far_side.requests(WRITE) == []


@pytest.mark.parametrize("seconds", [None, 0])
def test_an_unset_timeout_is_a_minute(
    target: IntegrationActionTarget, far_side: FarSide, seconds: int | None
) -> None:
    """The platform's default, told apart from one that was set."""
    far_side.on(READ, Reply(body={"id": "a-1", "config": {"timeoutSeconds": seconds}}))

    reading = target.read("a-1")

    assert (reading.timeout_ms, reading.is_set) == (60_000, False)


def test_a_version_conflict_in_a_400_is_a_conflict(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """The platform says it in two ways."""
    words = "The version 7 does not match the current version 9."
    far_side.on(WRITE, Reply(400, {"message": words, "code": "bad.request", "status": 400}))

    with pytest.raises(ConflictError, match="does not match the current version 9") as caught:
        target.write(target.read("a-1"), 12_000)

    assert (caught.value.status, caught.value.correlation_id) == (400, "corr-1")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"version": {}}', b"\xff"])
def test_an_answer_that_is_not_the_platforms_is_ambiguous(
    target: IntegrationActionTarget, far_side: FarSide, body: bytes
) -> None:
    """A 200 from somewhere else says nothing about the change."""
    far_side.on(WRITE, Reply(body=body))

    with pytest.raises(AmbiguousWriteError, match="can't be understood"):
        target.write(target.read("a-1"), 12_000)

    assert len(far_side.requests(WRITE)) == 1


def test_an_empty_answer_is_one(target: IntegrationActionTarget, far_side: FarSide) -> None:
    """Carried out; the new version is not known before the next reading."""
    far_side.on(WRITE, Reply(204, b""))

    written = target.write(target.read("a-1"), 12_000)

    assert (written.timeout_ms, written.lock, written.version) == (12_000, "", "")


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        (BRANCH_FINDER, Editable.STATIC, "it is a static action"),
        (PRICE_QUOTE, Editable.FUNCTION, "whose timeout lives in its function"),
        (PARTNER_TOKEN, Editable.CUSTOM_AUTH, "it is a custom authentication action"),
    ],
    ids=lambda part: str(part) if isinstance(part, str) else "",
)
def test_what_can_not_be_edited_is_refused_with_how_to_do_it(
    serve_target: ServeTarget, action: SimulatedAction, state: Editable, words: str
) -> None:
    """Nothing is sent; the reading says how to change it by hand."""
    served = serve_target("integration-action")
    reading = served.target.read(action.action_id)

    with pytest.raises(RefusedError, match=words) as caught:
        served.target.write(reading, 12_000)

    assert reading.editable is state
    assert caught.value.guard == f"editable_{state}"
    assert caught.value.hint == f"{reading.by_hand}."
    assert served.writes() == 0


@pytest.mark.parametrize(
    ("integrations", "state"),
    [
        ({"entities": [WEB_SERVICES]}, Editable.YES),
        (
            {"entities": [{"id": "i-1", "integrationType": {"id": "function-data-actions"}}]},
            Editable.FUNCTION,
        ),
        ({"entities": [{"id": "i-1", "name": "Functions"}]}, Editable.UNKNOWN),
        ({"entities": []}, Editable.UNKNOWN),
        (None, Editable.UNKNOWN),
    ],
)
def test_the_type_of_its_integration_tells_a_function(
    client: Client, far_side: FarSide, integrations: dict[str, object] | None, state: Editable
) -> None:
    """Whatever category and name say; where the type is not known, nothing is written."""
    reply = Reply(403, {"message": "no"}) if integrations is None else Reply(body=integrations)
    far_side.on(INTEGRATIONS, reply)
    target = IntegrationActionTarget(client)

    reading = target.read("a-1")

    assert reading.editable is state
    if state is Editable.UNKNOWN:
        with pytest.raises(
            RefusedError, match="the type of its integration is not known"
        ) as caught:
            target.write(reading, 12_000)
        assert caught.value.guard == "editable_unknown"
        assert not far_side.requests(WRITE)


def test_what_the_catalogue_knows_is_not_asked_again(client: Client, far_side: FarSide) -> None:
    """A client that may write need not be one that may list integrations."""
    far_side.on(INTEGRATIONS, Reply(403, {"message": "no"}))
    kinds = (ActionKind.CUSTOM, ActionKind.FUNCTION, ActionKind.UNDETERMINED, None)
    states = [
        IntegrationActionTarget(client, kind_of={"a-1": kind}.get).read("a-1").editable
        for kind in kinds
    ]

    assert states == [Editable.YES, Editable.FUNCTION, Editable.UNKNOWN, Editable.UNKNOWN]
    assert len(far_side.requests(INTEGRATIONS)) == 2


def test_an_unset_timeout_does_not_make_an_authentication_action(serve_target: ServeTarget) -> None:
    """It is in the usual list, so it can be changed."""
    served = serve_target("integration-action")

    reading = served.target.read(SEND_CONFIRMATION.action_id)

    assert (reading.editable, reading.is_set) == (Editable.YES, False)


def test_a_changed_template_is_a_difference(
    target: IntegrationActionTarget, far_side: FarSide
) -> None:
    """It is part of the configuration, though it comes apart from it."""
    before = target.read("a-1")
    far_side.on(SUCCESS_TEMPLATE, Reply(body=b"other"))
    after = target.read("a-1")

    assert target.differences(before, after) == ("$.config.response.successTemplate",)


def test_templates_that_were_not_read_are_no_difference(serve_target: ServeTarget) -> None:
    """What can't be written is read without them; nothing says what became of them then."""
    served = serve_target("integration-action")
    managed = IntegrationActionTarget(served.client, managed=("*",))
    whole, part = served.target.read(served.action_id), managed.read(served.action_id)

    assert served.target.differences(whole, part) == ()
    assert served.target.differences(part, whole) == ()
    assert (bool(served.target.fingerprint(whole)), managed.fingerprint(part)) == (True, "")
