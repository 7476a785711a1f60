"""The benchmark of the scrape: what it compares is the same text."""

from __future__ import annotations

import pytest

from benchmarks import scraping


def test_rivals_write_the_same_samples(capsys: pytest.CaptureFixture[str]) -> None:
    """A small run ends with every figure; samples that differ would end it with an error."""
    scraping.main(["--actions", "5", "--orgs", "2"])
    printed = capsys.readouterr().out
    assert "scrape of 5 actions of one org, after a poll" in printed
    assert "scrape of 2 orgs of 200 actions, after a poll of one" in printed
