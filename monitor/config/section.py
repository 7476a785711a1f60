"""What every section of the settings has in common."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from monitor.time_ranges import parse_duration

Seconds = Annotated[int, BeforeValidator(parse_duration)]
"""A duration as text, such as ``5m``; whole seconds once it is read."""

FractionalSeconds = Annotated[float, BeforeValidator(parse_duration)]
"""A duration as text, which may be shorter than a second."""


class Section(BaseModel):
    """A section that refuses keys it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )
