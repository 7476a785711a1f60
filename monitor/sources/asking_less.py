"""What a refused question says about the question: too long, too fine, or neither."""

from __future__ import annotations

import re
from typing import Final

from monitor.errors import BadRequestError, GenesysError, TooMuchAskedError

_INTERVAL: Final = re.compile(r"(?i)interval")
_GRANULARITY: Final = re.compile(r"(?i)granularity")
_PAGE_SIZE: Final = re.compile(r"(?i)page.?size")


def is_interval_too_long(error: GenesysError) -> bool:
    """Whether a shorter time range may be answered: the answer was too large, or words say so."""
    return isinstance(error, TooMuchAskedError) or _names(error, _INTERVAL)


def is_granularity_too_fine(error: GenesysError) -> bool:
    """Whether the words of a refusal are about granularity."""
    return _names(error, _GRANULARITY)


def is_page_size_refused(error: GenesysError) -> bool:
    """Whether the words of a refusal are about the size of a page."""
    return _names(error, _PAGE_SIZE)


def _names(error: GenesysError, words: re.Pattern[str]) -> bool:
    said = isinstance(error, BadRequestError) and words.search(f"{error.code} {error.detail}")
    return bool(said)
