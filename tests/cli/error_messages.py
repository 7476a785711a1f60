"""How a mistake of the user ends."""

from __future__ import annotations

from tests.daemon.place import Finished
from tests.simulated_org import SECRET


def assert_refused(finished: Finished, code: int, sentence: str) -> None:
    """One sentence, which holds these words, and one hint; nothing else for people to read."""
    assert "Traceback" not in finished.err
    assert SECRET not in finished.err + finished.out
    said = [line for line in finished.said if " took " not in line]
    assert len(said) == 2, finished.err
    for line in said:
        assert line.endswith(".")
        assert not line.endswith("..")
        assert line[0].isupper() or not line.split()[0].isalpha()
    assert sentence in said[0]
    assert finished.code == code
