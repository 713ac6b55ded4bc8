"""What a picture of a process is made of: shapes, routes, lanes and words with their places, and the room words take.

It knows neither how they are arranged nor how they are painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from workflows.graph import Node

Point = tuple[float, float]
TASK_WIDTH, TASK_HEIGHT, EVENT_RADIUS, GATEWAY_RADIUS, BOUNDARY_RADIUS = 100, 58, 16, 22, 13
LINE_HEIGHT, ROW_GAP, COLUMN_GAP, TRACK, LOOP_STEP, INSET = 13, 22, 36, 10, 14, 18
LEFT, ABOVE, RIGHT, BELOW = "left", "above", "right", "below"


def text_width(text: str, size: float = 11) -> float:
    """About how wide a text is: Chinese characters are square, the others a little over half."""
    return sum(size if ord(letter) > 0x2E80 else size * 0.56 for letter in text)


def wrapped(text: str, width: float, most: int = 3) -> tuple[str, ...]:
    """The text in lines of at most `width`, broken at blanks, shortened after `most` lines."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(joined) > width:
            lines.append(word)
        else:
            lines[-1] = joined
    return tuple(lines[:most - 1] + [" ".join(lines[most - 1:])]) if len(lines) > most else tuple(lines)


def shortened(text: str, most: int = 26) -> str:
    """The text, cut with an ellipsis where it is longer than `most` letters."""
    return text if len(text) <= most else text[:most - 1].rstrip() + "…"


@dataclass
class Words:
    """Lines of text; `x` is their anchor (start, middle or end) and `y` the baseline of the first."""

    lines: tuple[str, ...]
    x: float
    y: float
    anchor: str = "middle"


@dataclass
class Shape:
    """A node at its centre. `inner` is what stands in a sub-process, placed from its upper left corner."""

    node: Node
    width: float
    height: float
    x: float = 0
    y: float = 0
    words: Words | None = None
    inner: Drawing | None = None
    column: int = 0
    row: int = 0
    boundary: list[Shape] = field(default_factory=list)

    @property
    def is_gateway(self) -> bool:
        return self.node.type.endswith("Gateway")

    @property
    def is_event(self) -> bool:
        return self.node.type.endswith("Event")


@dataclass
class Route:
    """The corners of an edge. `start` names the sign at its source: default, condition or nothing; `shares_start` when another leaves there too."""

    points: list[Point]
    dotted: bool = False
    start: str = ""
    words: Words | None = None
    shares_start: bool = False


@dataclass
class Band:
    """A lane: its name and where it begins and ends from top to bottom."""

    name: str
    top: float
    bottom: float


@dataclass
class Drawing:
    """Everything inside one scope, from (0, 0) to (width, height)."""

    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)


def body_size(node: Node) -> tuple[float, float]:
    """Width and height of a node that is not a sub-process."""
    if node.type == "boundaryEvent":
        return 2 * BOUNDARY_RADIUS, 2 * BOUNDARY_RADIUS
    if node.type.endswith("Event"):
        return 2 * EVENT_RADIUS, 2 * EVENT_RADIUS
    if node.type.endswith("Gateway"):
        return 2 * GATEWAY_RADIUS, 2 * GATEWAY_RADIUS
    return TASK_WIDTH, TASK_HEIGHT


def _boxes(drawing: Drawing) -> Iterator[tuple[float, float, float, float]]:
    for shape in (shape for outer in drawing.shapes for shape in (outer, *outer.boundary)):
        yield shape.x - shape.width / 2, shape.y - shape.height / 2, shape.x + shape.width / 2, shape.y + shape.height / 2
    yield from ((x, y, x, y) for route in drawing.routes for x, y in route.points)
    yield from ((0, band.top, 0, band.bottom) for band in drawing.bands)
    for words in _all_words(drawing):
        width = max(text_width(line) for line in words.lines)
        left = words.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor] * width
        yield left, words.y - 10, left + width, words.y + 3 + LINE_HEIGHT * (len(words.lines) - 1)


def _all_words(drawing: Drawing) -> Iterator[Words]:
    for shape in (shape for outer in drawing.shapes for shape in (outer, *outer.boundary)):
        if shape.words:
            yield shape.words
    yield from (route.words for route in drawing.routes if route.words)


def moved_to_origin(drawing: Drawing) -> Drawing:
    """The drawing moved so that its upper left corner is (0, 0), with its size set."""
    boxes = list(_boxes(drawing)) or [(0.0, 0.0, 0.0, 0.0)]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    for shape in (shape for outer in drawing.shapes for shape in (outer, *outer.boundary)):
        shape.x, shape.y = shape.x - left, shape.y - top
    for words in _all_words(drawing):
        words.x, words.y = words.x - left, words.y - top
    for route in drawing.routes:
        route.points = [(x - left, y - top) for x, y in route.points]
    for band in drawing.bands:
        band.top, band.bottom = band.top - top, band.bottom - top
    drawing.width, drawing.height = max(box[2] for box in boxes) - left, max(box[3] for box in boxes) - top
    return drawing
