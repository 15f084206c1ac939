"""SVG by small pure functions. Every text and attribute is escaped here, and nowhere else need be."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from driftlake.rendering import printable

_NAMES = {"class_": "class", "view_box": "viewBox", "id_": "id"}

Child = Markup | str
Attribute = str | float | None


def element(name: str, *children: Child, **attributes: Attribute) -> Markup:
    """One element; `stroke_width` becomes `stroke-width`, an attribute that is None is left out."""
    said = "".join(
        f' {_NAMES.get(key, key.replace("_", "-"))}="{escape(_said(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(
        str(child) if isinstance(child, Markup) else str(escape(printable(child))) for child in children
    )
    return Markup(f"<{name}{said}>{inner}</{name}>" if inner else f"<{name}{said}/>")


def _said(value: str | float) -> str:
    return printable(value) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough, and short."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def drawing(width: float, height: float, label: str, *children: Child) -> Markup:
    """The `<svg>` element. The label says in words what the picture shows."""
    return element(
        "svg", *children, view_box=f"0 0 {number(width)} {number(height)}", role="img", aria_label=label,
        style=f"--wide:{number(width)}px",
    )  # fmt: skip


def text(x: float, y: float, words: str, class_: str | None = None, *, anchor: str | None = None) -> Markup:
    """Words at a place; `anchor` is `middle` or `end`."""
    return element("text", words, x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def polyline(points: Iterable[tuple[float, float] | None], class_: str) -> Markup:
    """A line through points; None breaks it. A point alone between breaks becomes a dot."""
    parts: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            parts.append([])
        else:
            parts[-1].append(point)
    drawn = " ".join(_stroke(part) for part in parts if part)
    return element("path", d=drawn, class_=class_) if drawn else Markup()


def _stroke(points: list[tuple[float, float]]) -> str:
    first, *rest = points
    later = rest or [first]
    return f"M{_pair(first)}L{' '.join(_pair(point) for point in later)}"


def _pair(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"


def band(upper: list[tuple[float, float]], lower: list[tuple[float, float]], class_: str) -> Markup:
    """The area between two lines of equal length."""
    outline = [*upper, *reversed(lower)]
    if not outline:
        return Markup()
    return element("path", d=f"M{' '.join(_pair(point) for point in outline)}Z", class_=class_)


def squares(places: Iterable[tuple[float, float, float]], class_: str) -> Markup:
    """Filled squares by centre and side, in one path: a tenth of the bytes of elements of their own."""
    drawn = "".join(
        f"M{_pair((x - side / 2, y - side / 2))}h{number(side)}v{number(side)}h-{number(side)}z"
        for x, y, side in places
    )
    return element("path", d=drawn, class_=class_) if drawn else Markup()


def shortened(words: object, longest: int) -> str:
    """Printable words, cut with an ellipsis."""
    plain = printable(str(words))
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
