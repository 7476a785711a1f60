"""Pictures: what is drawn, and that a strict policy and every reader can take it."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from monitor.investigation import TimeoutStep
from monitor.model import BAND_EDGES_MS
from monitor.render.charts import (
    CurveMarks,
    Latency,
    OutcomeBar,
    Outcomes,
    Picture,
    ToldPiece,
    VerdictsOverTime,
    curve_picture,
    latency_picture,
    outcomes_picture,
    verdicts_picture,
)
from tests.render.charts.drawings import (
    DAY,
    HOUR,
    T0,
    curve,
    hours,
    latency,
    outcomes,
    pictures,
    read,
    verdicts,
)


def rows(picture: Picture) -> dict[str, tuple[str, ...]]:
    """The table's rows by what each is about."""
    return {row[0]: row[1:] for row in picture.table.rows}


@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.name)
def test_a_strict_policy_lets_every_picture_be(picture: Picture) -> None:
    """No style attribute, no handler, no script, no address of another place; ids are unique."""
    figure = read(picture)
    names = [name for one in figure.iter() for name in one.attrib]
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert {one.tag for one in figure.iter()} & {"script", "style", "a", "image", "use"} == set()
    ids = Counter(one.attrib["id"] for one in figure.iter() if "id" in one.attrib)
    assert set(ids.values()) == {1}
    fills = set(re.findall(r"url\(#([^)]+)\)", str(picture.figure)))
    assert fills <= ids.keys()


@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.name)
def test_every_picture_has_words(picture: Picture) -> None:
    """Both drawings are named and described for who can't see them, and a table says the same."""
    figure = read(picture)
    drawings = figure.findall("svg")
    assert [one.attrib["class"] for one in drawings] == ["wide", "narrow"]
    for drawing in drawings:
        named = {one.attrib["id"]: one.text for one in drawing if "id" in one.attrib}
        title, description = drawing.attrib["aria-labelledby"].split()
        assert named[title] == picture.title
        assert named[description] == picture.description
        assert len(picture.description) > 20
    assert figure.find("details/div/table") is not None


@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.name)
def test_nothing_is_drawn_outside_of_a_drawing(picture: Picture) -> None:
    """Every label begins and ends within its drawing."""
    for drawing in read(picture).findall("svg"):
        _, _, width, height = map(float, drawing.attrib["viewBox"].split())
        for text in drawing.iter("text"):
            x, y = float(text.attrib["x"]), float(text.attrib["y"])
            wide = len(text.text or "") * 5.5
            begin = {"end": x - wide, "middle": x - wide / 2}.get(
                text.attrib.get("text-anchor", ""), x
            )
            assert begin >= -4, text.text
            assert begin + wide <= width + 8, text.text
            assert 0 <= y <= height, text.text


def test_outcomes_mark_changes_incidents_and_what_was_not_read() -> None:
    """Each is drawn, told in the description, and stands in the table."""
    picture = outcomes_picture(outcomes(), "outcomes")
    wide = read(picture).findall("svg")[0]
    words = ["".join(one.itertext()) for one in wide.iter("text")]
    assert "3 s → 5 s" in words
    assert "not read" in words
    kinds = [one.attrib["class"] for one in wide.iter("rect") if "class" in one.attrib]
    assert kinds.count("shade incident") == 2  # in the picture, and in its key
    assert kinds.count("shade unread") == 2
    assert "The timeout changed at 2027-01-15 12:30: 3 s → 5 s." in picture.description
    assert "Incident from 2027-01-15 15:00 to 16:00 UTC." in picture.description
    table = rows(picture)
    assert table["2027-01-15 12:00"] == ("1,013", "1,000", "10", "3", "0", "timeout 3 s → 5 s")
    assert table["2027-01-15 15:00"][-1] == "incident"
    assert table["2027-01-15 04:00 to 08:00 UTC"][0] == "not read"
    assert list(table) == sorted(table)


def test_what_failed_has_a_scale_of_its_own() -> None:
    """Ten timeouts among a hundred thousand executions are seen, each at least a pixel high."""
    bars = [
        OutcomeBar(hours(hour, hour + 1), 100_000, 10_000 if hour == 3 else 1, 0, 0)
        for hour in range(24)
    ]
    wide = read(outcomes_picture(Outcomes(DAY, bars), "outcomes")).findall("svg")[0]
    (late,) = [one.attrib["d"] for one in wide.iter("path") if one.get("class") == "bar timeout"]
    heights = [float(one) for one in re.findall(r"v([\d.]+)h", late)]
    assert len(heights) == 24
    assert min(heights) >= 1.5
    assert max(heights) > 50


def test_a_contract_without_successes_shows_timeouts_alone() -> None:
    """No executions are drawn or told where only timeouts can be seen."""
    picture = outcomes_picture(replace(outcomes(), successes_known=False), "timeouts")
    assert picture.table.head == ("From, UTC", "Timed out", "Remarks")
    assert "successes can't be seen here" in picture.description
    wide = read(picture).findall("svg")[0]
    assert not [one for one in wide.iter("path") if one.get("class") == "bar success"]


def test_an_action_without_traffic_has_a_picture() -> None:
    """An empty day is an empty day, not a fault."""
    picture = outcomes_picture(Outcomes(DAY, []), "nothing")
    assert picture.description == "Nothing ran from 2027-01-15 00:00 to 2027-01-16 00:00 UTC."
    silent = latency_picture(Latency([0] * 21, [0] * 21, None, None, 30_000), "latency")
    assert silent.description == "No call of this period shows how long it took."
    for shown in (picture, silent):
        words = ["".join(one.itertext()) for one in read(shown).findall("svg")[0].iter("text")]
        assert "nothing ran" in words


def test_a_week_of_windows_is_a_small_picture() -> None:
    """Two thousand bars, each drawn, in less than a path's hundred kilobytes."""
    bars = [
        OutcomeBar(hour, 900, 20, 1, 0)
        for hour in hours(0, 7 * 24).slices(300)
    ]  # fmt: skip
    assert len(bars) == 2_016
    picture = outcomes_picture(Outcomes(hours(0, 7 * 24), bars), "outcomes")
    paths = [one.attrib.get("d", "") for one in read(picture).iter("path")]
    assert max(map(len, paths)) < 100_000
    assert "nan" not in str(picture.figure)


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_labels_of_changes_keep_out_of_each_others_way(count: int) -> None:
    """However close changes follow each other, no label lies over another."""
    changes = [TimeoutStep(T0 + (12 + index) * 600.0, 3_000, 5_000) for index in range(count)]
    picture = outcomes_picture(replace(outcomes(), changes=changes), "outcomes")
    for drawing in read(picture).findall("svg"):
        places = []
        for group in drawing.iter("g"):
            if group.get("class") == "label change":
                text = group.find("text")
                assert text is not None
                x, y = float(text.attrib["x"]), float(text.attrib["y"])
                wide = len(text.text or "") * 5.5
                places.append((y, x - wide if text.get("text-anchor") == "end" else x, wide))
        assert len(places) == count
        for one, (y, x, wide) in enumerate(places):
            for other_y, other_x, _ in places[:one]:
                assert y != other_y or abs(x - other_x) >= wide


def test_latency_is_drawn_by_area() -> None:
    """A band twice as wide that holds twice as much is no mode: it is as high as its neighbour."""
    by_width = [
        round(1_000_000 * (high / low - 1)) if low else 0
        for low, high in zip((0, *BAND_EDGES_MS), (*BAND_EDGES_MS, 0), strict=True)
    ]
    by_width[-1] = 0
    flat = Latency(by_width, [0] * 21, None, None, 30_000)
    wide = read(latency_picture(flat, "latency")).findall("svg")[0]
    (bars,) = [one.attrib["d"] for one in wide.iter("path") if one.get("class") == "bar success"]
    heights = [float(one) for one in re.findall(r"v([\d.]+)h", bars)]
    assert max(heights) / min(heights) < 1.6


def test_latency_marks_the_timeouts_that_matter() -> None:
    """In force, advised and the cap, in words."""
    picture = latency_picture(latency(), "latency")
    for drawing in read(picture).findall("svg"):
        words = {"".join(one.itertext()) for one in drawing.iter("text")}
        assert {"in force 5 s", "advised 9 s", "cap 30 s"} <= words
    assert rows(picture)["5 s to 6 s"] == ("0", "9", "96.94 %")
    assert "Timeouts: in force 5 s, advised 9 s, cap 30 s." in picture.description


def test_the_curve_is_solid_where_it_was_seen_and_dashed_beyond() -> None:
    """Both parts meet at the largest timeout that was in force."""
    wide = read(curve_picture(curve(), CurveMarks(9_000, 30_000), "curve")).findall("svg")[0]
    drawn = [one for one in wide if one.tag == "path"]
    lines = {one.get("class"): one.attrib["d"] for one in drawn}
    assert lines["curve"].split("L")[-1] == lines["curve guessed"].split("L")[0].removeprefix("M")


def test_what_if_tells_what_the_curve_tells() -> None:
    """Each place of the slider has the curve's numbers, and says where it is extrapolated."""
    known = curve()
    picture = curve_picture(known, CurveMarks(9_000, 30_000), "curve")
    places = {place["at"]: place for place in json.loads(dict(picture.data)["data_what_if"])}
    assert {"5 s", "7 s", "9 s", "10 s"} <= places.keys()
    assert "11 s" not in places
    seven = known.at(7_000)
    assert seven is not None
    assert places["7 s"]["y"] == round(seven.success_share, 5)
    assert places["7 s"]["share"][0] == f"{seven.success_share:.2%}".replace("%", " %")
    assert "an estimated" in places["7 s"]["words"]
    assert "no timeout above 5 s was seen in force" in places["7 s"]["words"]
    assert "Nothing is claimed beyond 10 s." in places["7 s"]["words"]
    assert places["5 s"]["words"].startswith("At 5 s, which is in force")
    assert "this was seen" in places["4 s"]["words"]


def test_without_a_script_a_table_has_a_dozen_timeouts() -> None:
    """The one in force and the advised one among them, with bounds."""
    picture = curve_picture(curve(), CurveMarks(9_000, 30_000), "curve")
    table = rows(picture)
    assert 8 <= len(table) <= 14
    assert table["5 s"][-1] == "in force; measured"
    assert table["9 s"][-1] == "advised; extrapolated"
    assert " to " in table["9 s"][1]


def test_a_timeout_between_whole_seconds_has_its_place() -> None:
    """The one in force is on the slider, wherever it is."""
    odd = replace(curve(), timeout_ms=4_250.0, measured_to_ms=4_250.0)
    picture = curve_picture(odd, CurveMarks(None, 30_000), "curve")
    assert "4.25 s" in [place["at"] for place in json.loads(dict(picture.data)["data_what_if"])]
    assert rows(picture)["4.25 s"][-1] == "in force; measured"


def test_the_picture_is_small_enough_to_mail() -> None:
    """A day's three pictures take less than 60 kB, tables and all."""
    chosen = [one for one in pictures() if one.name in {"outcomes", "latency", "curve"}]
    assert sum(len(one.figure) for one in chosen) < 60_000


def test_verdicts_lie_where_what_they_speak_of_lay() -> None:
    """Beside each other on the axis of the outcomes; what was replaced altogether is told only."""
    picture = verdicts_picture(verdicts(), "verdicts")
    wide = read(picture).findall("svg")[0]
    boxes = {
        str(group.findtext("title")).partition(":")[0]: [
            (float(one.attrib["x"]), float(one.attrib["width"]))
            for one in group.findall("rect")
            if one.attrib["class"] == "verdict-box"
        ]
        for group in wide.iter("g")
        if "told" in group.attrib.get("class", "").split() and group.find("title") is not None
    }
    (slow,), (healthy,), (outage,) = (boxes[one] for one in ("slow tail", "healthy", "outage"))
    assert "insufficient" not in boxes
    assert slow[0] + slow[1] == pytest.approx(healthy[0], abs=0.2)
    assert healthy[0] + healthy[1] == pytest.approx(outage[0], abs=0.2)
    assert slow[1] == pytest.approx(4 * healthy[1], abs=0.5)
    outcomes_axis = read(outcomes_picture(outcomes(), "outcomes")).findall("svg")[0]
    assert [one.text for one in wide.iter("text") if one.attrib.get("class") == "tick"] == [
        one.text
        for one in outcomes_axis.iter("text")
        if one.attrib.get("class") == "tick" and re.search("[:A-Z]", str(one.text))
    ]


def test_a_verdict_too_short_for_its_name_is_led_to() -> None:
    """A line from the name to where it begins; no name is under a line, the next one's for one."""
    at = [T0 + 8 * HOUR + quarter * HOUR / 4 for quarter in range(9)]
    told = [
        ToldPiece(f"verdict {number}", "warning", begin, end, begin, end)
        for number, (begin, end) in enumerate(pairwise(at))
    ]
    for drawing in read(verdicts_picture(replace(verdicts(), pieces=told), "verdicts")).findall(
        "svg"
    ):
        begins = [
            float(one.attrib["x"]) for one in drawing.iter("rect")
            if one.get("class") == "verdict-box"
        ]  # fmt: skip
        marks = [one for one in drawing.iter("g") if (one.get("class") or "").endswith(" verdict")]
        lines = [one for one in marks if one.find("path") is not None]
        names = [one for one in marks if one.find("text") is not None]
        assert [one.findtext("text") for one in names] == [one.verdict for one in told]
        assert marks == lines + names
        led = [float(re.split("[ML ,]+", one.find("path").attrib["d"])[1]) for one in lines]  # type: ignore[union-attr]
        assert led == pytest.approx(begins, abs=0.2)


def test_what_was_over_before_the_period_is_in_the_table_alone() -> None:
    """It was told in it, and is nothing of it; unless it was told on for want of another."""
    over = ToldPiece("outage", "warning", T0 - 4 * HOUR, T0 - 2 * HOUR, T0 - 3 * HOUR, T0 + HOUR)
    slow = ToldPiece("slow tail", "warning", T0 - 2 * HOUR, None, T0 + HOUR, None)
    picture = verdicts_picture(VerdictsOverTime(DAY, [over, slow]), "verdicts")
    texts = [one.text for one in read(picture).findall("svg")[0].iter("text")]
    assert "slow tail" in texts
    assert "outage" not in texts
    assert [row[0] for row in picture.table.rows] == ["outage", "slow tail"]

    later = replace(slow, since=T0 + HOUR)
    picture = verdicts_picture(VerdictsOverTime(DAY, [over, later]), "verdicts")
    wide = read(picture).findall("svg")[0]
    titles = [str(one.text).partition(":")[0] for one in wide.iter("title")]
    assert titles[1:] == ["outage", "slow tail"]
    assert "outage, over" not in texts


def test_a_year_is_told_once_where_it_is_one() -> None:
    """Six columns of whole dates go beyond a page; around New Year they stand all the same."""
    year = time.gmtime(T0).tm_year
    table = verdicts_picture(verdicts(), "verdicts").table
    assert table.head[1] == f"From, UTC, {year}"
    assert not [row for row in table.rows if str(year) in " ".join(row)]

    old = ToldPiece("healthy", "good", T0 - 400 * 24 * HOUR, T0, T0 - 400 * 24 * HOUR, T0)
    table = verdicts_picture(VerdictsOverTime(DAY, [old]), "verdicts").table
    assert table.head[1] == "From, UTC"
    assert table.rows[0][2].startswith(f"{year}-")


def test_verdicts_are_told_in_words_and_as_a_table() -> None:
    """With changes of the timeout and incidents, in the order of time."""
    picture = verdicts_picture(verdicts(), "verdicts")
    assert [row[0] for row in picture.table.rows] == [
        "slow tail",
        "insufficient",
        "healthy",
        "timeout 3 s → 5 s",
        "outage",
        "incident",
    ]
    slow, outage = picture.table.rows[0], picture.table.rows[-2]
    assert slow[-1] == "9 s"
    assert outage[4] == "is told"
    assert "advised 9 s" in picture.description
    texts = [one.text for one in read(picture).findall("svg")[0].iter("text")]
    assert {"outage, over", "over, told still", "outage", "3 s → 5 s"} <= set(texts)
