"""A picture with its words: a title, a description, and the same numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from monitor.render.charts.svg import element, table_rows

WIDE_PX = 600
"""Where there is room: half of a page, where a letter is about as large as it is drawn."""

NARROW_PX = 340
"""On a phone, where a wide one would be scaled down until nobody could read it."""


NOTHING = Markup()
"""No markup at all."""


@dataclass(frozen=True, slots=True)
class NumberTable:
    """The numbers of a picture.

    Attributes:
        head: The columns' names; the first names what a row is about.
        rows: One text a column.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, as safe markup.

    Attributes:
        name: What its ids begin with; one of a kind on a page.
        title: What it shows.
        description: What is to be seen in it, for those who can't see it.
        wide: Its drawing where there is room: what is within ``<svg>``, and its height.
        narrow: The same for a phone.
        table: The same numbers.
        remark: What a reader must know beside the title, in a few words.
        controls: What stands under the drawing, such as a slider; HTML.
        data: Attributes of the figure that a script reads.
    """

    name: str
    title: str
    description: str
    wide: Drawing
    narrow: Drawing
    table: NumberTable
    remark: str = ""
    controls: Markup = NOTHING
    data: tuple[tuple[str, str], ...] = ()

    @property
    def figure(self) -> Markup:
        """The picture, what belongs to it, and its table, as one ``<figure>``."""
        return element(
            "figure",
            element(
                "figcaption",
                self.title,
                element("span", self.remark, class_="remark") if self.remark else "",
            ),
            self._svg(self.wide, "wide"),
            self._svg(self.narrow, "narrow"),
            self.controls,
            element(
                "details",
                element("summary", "The same as a table"),
                element(
                    "div",
                    _table(self.title, self.table),
                    class_="scroll",
                    # What scrolls must be reached by keyboard.
                    tabindex="0",
                    role="region",
                    aria_label=f"{self.title}, as a table",
                ),
            ),
            class_="chart",
            id=self.name,
            **dict(self.data),
        )

    def _svg(self, drawing: Drawing, size: str) -> Markup:
        name = f"{self.name}-{size}"
        return element(
            "svg",
            element("title", self.title, id=f"{name}-title"),
            element("desc", self.description, id=f"{name}-desc"),
            drawing.content,
            class_=size,
            viewBox=f"0 0 {drawing.width} {drawing.height}",
            role="img",
            aria_labelledby=f"{name}-title {name}-desc",
        )


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is within an ``<svg>``, and how large it is in pixels."""

    content: Markup
    width: int
    height: int


def _table(caption: str, table: NumberTable) -> Markup:
    head = element("tr", *(element("th", name, scope="col") for name in table.head))
    return element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", table_rows(table.rows)),
    )
