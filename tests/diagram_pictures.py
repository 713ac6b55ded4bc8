"""Paints every test diagram as a small SVG picture for docs/bpmn_support.md: `python tests/diagram_pictures.py` writes them and the page.

It knows shapes, signs and colours; where things stand is decided in diagram_layout.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tests.diagram_layout import ScopeLayout  # noqa: E402
from tests.diagram_shapes import INSET, LINE_HEIGHT, Drawing, Point, Route, Shape, Words  # noqa: E402
from workflows import definitions  # noqa: E402
from workflows.graph import Node, ProcessGraph, Reading, read_graph, support_page  # noqa: E402
from workflows.hardened_xml import parse_xml  # noqa: E402

DIAGRAMS, PICTURES, PAGE = ROOT / "tests" / "diagrams", ROOT / "docs" / "diagrams", ROOT / "docs" / "bpmn_support.md"
LANE = "{http://www.omg.org/spec/BPMN/20100524/MODEL}lane"
MARGIN, CORNER, STRIP, POOL_GAP = 16, 7, 26, 26
STYLE = (
    "svg{--g:#fff;--i:#243042;--e:#5b6b82;--t:#f3f7fd;--k:#2b6cb0;--s:#e9f7ee;--d:#2f855a;--x:#fdecec;--c:#c53030;--m:#fff6e2;--a:#b7791f;--b:#f8fafc}"
    "@media(prefers-color-scheme:dark){svg{--g:#161c26;--i:#e6ecf5;--e:#93a3ba;--t:#1d2a3d;--k:#7fb2ee;--s:#17301f;--d:#6fcf97;--x:#3a1c1e;--c:#f28b8b;--m:#332a15;--a:#e9bd63;--b:#1b2330}}"
    "text{font:11px system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;fill:var(--i);text-anchor:middle}"
    "path,rect,circle{fill:none;stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}"
    ".f{stroke:var(--e)}.h{fill:var(--e)}.l{font-size:10px;fill:var(--e)}.t{fill:var(--t);stroke:var(--k)}.p{fill:var(--b);stroke:var(--e)}"
    ".s{fill:var(--s);stroke:var(--d)}.x{fill:var(--x);stroke:var(--c);stroke-width:3}.m{fill:var(--m);stroke:var(--a)}"
    ".i{stroke:var(--i);stroke-width:1.2}.j{fill:var(--i);stroke:var(--i);stroke-width:1}.g{stroke-width:2.4}.n{stroke-dasharray:4 3}.o{stroke-dasharray:1 4}"
)
ENVELOPE = "M-7-5H7V5H-7zL0 1 7-5"
CLOCK = "M7 0A7 7 0 1 1-7 0 7 7 0 0 1 7 0M0-4.5V0L3.5 2"
SIGNS = {
    "message": ENVELOPE, "timer": CLOCK, "signal": "M0-7L7 5H-7z", "error": "M-6 6L-2-6 2 1 6-6 2.5 6-1.5-1z", "escalation": "M0-7L5 6 0 1-5 6z",
    "compensation": "M-7 0L0-5V5zM0 0L7-5V5z", "conditional": "M-5-7H5V7H-5zM-3-4H3M-3-1.3H3M-3 1.3H3M-3 4H3", "link": "M-7-3H1V-6L7 0 1 6V3H-7z",
    "cancel": "M-6-4L-4-6 0-2 4-6 6-4 2 0 6 4 4 6 0 2-4 6-6 4-2 0z", "terminate": "M9 0A9 9 0 1 1-9 0 9 9 0 0 1 9 0",
}
TASK_SIGNS = {
    "userTask": "M0-6a3 3 0 1 1 0 6 3 3 0 0 1 0-6M-5.5 6.5C-5 2.5-3 1.5 0 1.5S5 2.5 5.5 6.5z",
    "manualTask": "M-6.5-1L-3-5.5H2.5a1.2 1.2 0 0 1 0 2.4H-1M-1-3H5.5a1.2 1.2 0 0 1 0 2.4H0M0-.6H5a1.2 1.2 0 0 1 0 2.4H0M0 1.8H3.6a1.2 1.2 0 0 1 0 2.4H-3.5L-6.5 2",
    "serviceTask": "M2.2 0A2.2 2.2 0 1 1-2.2 0 2.2 2.2 0 0 1 2.2 0M4.6 0A4.6 4.6 0 1 1-4.6 0 4.6 4.6 0 0 1 4.6 0M0-7V-4.6M0 7V4.6M-7 0H-4.6M7 0H4.6M-5-5L-3.3-3.3M5 5L3.3 3.3M-5 5L-3.3 3.3M5-5L3.3-3.3",
    "sendTask": ENVELOPE, "receiveTask": ENVELOPE, "businessRuleTask": "M-7-6H7V6H-7zM-7-2H7M-7 2H7M-2.5-2V6",
    "scriptTask": "M-3-6.5H5.5C2.5-3.5 2.5-2 4 0S5 4 2.5 6.5H-6C-3.5 4-3-2-4.5 0S-6-3.5-3-6.5zM-2-3H2.5M-1 0H2.8M-1.5 3H2.5",
}
GATEWAY_SIGNS = {
    "exclusiveGateway": "M-6-6L6 6M6-6L-6 6", "parallelGateway": "M0-9V9M-9 0H9", "inclusiveGateway": "M9 0A9 9 0 1 1-9 0 9 9 0 0 1 9 0",
    "eventBasedGateway": "M11 0A11 11 0 1 1-11 0 11 11 0 0 1 11 0M8.5 0A8.5 8.5 0 1 1-8.5 0 8.5 8.5 0 0 1 8.5 0M0-5.5L5.2-1.7 3.2 4.5H-3.2L-5.2-1.7z",
    "complexGateway": "M0-9V9M-9 0H9M-6-6L6 6M6-6L-6 6",
}
MARKERS = {
    "parallel": "M-4-5V5M0-5V5M4-5V5", "sequential": "M-5-4H5M-5 0H5M-5 4H5", "loop": "M-1 5A5 5 0 1 1 2.5 4.3M-5 5.5H-1V1.5",
    "compensation": "M-7 0L-1-4V4zM-1 0L5-4V4z",
}


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")


def path(data: str, kind: str, at: Point | None = None, more: str = "") -> str:
    """A path element, moved to `at`."""
    moved = f' transform="translate({number(at[0])} {number(at[1])})"' if at else ""
    return f'<path class="{kind}"{moved}{more} d="{data}"/>'


def rectangle(x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> str:
    """A rectangle element with rounded corners."""
    rounded = f' rx="{number(radius)}"' if radius else ""
    return f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"{rounded}/>'


def circle(at: Point, radius: float, kind: str) -> str:
    """A circle element."""
    return f'<circle class="{kind}" cx="{number(at[0])}" cy="{number(at[1])}" r="{number(radius)}"/>'


def painted_words(words: Words, kind: str = "") -> Iterator[str]:
    """The lines of a label."""
    anchor = "" if words.anchor == "middle" else f' style="text-anchor:{words.anchor}"'
    for index, line in enumerate(words.lines):
        named = f' class="{kind}"' if kind else ""
        yield f'<text{named} x="{number(words.x)}" y="{number(words.y + index * LINE_HEIGHT)}"{anchor}>{escape(line)}</text>'


def toward(start: Point, end: Point, distance: float) -> Point:
    """The point `distance` from `start` on the way to `end`."""
    length = abs(end[0] - start[0]) + abs(end[1] - start[1]) or 1
    return start[0] + (end[0] - start[0]) * distance / length, start[1] + (end[1] - start[1]) * distance / length


def rounded_line(points: list[Point]) -> str:
    """Path data through the points, with rounded corners."""
    data = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min([CORNER, *(abs(corner[0] - other[0]) / 2 + abs(corner[1] - other[1]) / 2 for other in (before, after))])
        enter, leave = toward(corner, before, radius), toward(corner, after, radius)
        data.append(f"L{number(enter[0])} {number(enter[1])}Q{number(corner[0])} {number(corner[1])} {number(leave[0])} {number(leave[1])}")
    return "".join(data) + f"L{number(points[-1][0])} {number(points[-1][1])}"


def painted_route(route: Route) -> Iterator[str]:
    """A flow with its arrow head, the sign at its source and its words."""
    start, following = route.points[0], route.points[1]
    yield path(rounded_line(route.points), "f o" if route.dotted else "f", more="" if route.dotted else ' marker-end="url(#h)"')
    if route.start == "default":
        x, y = toward(following, route.points[2], 18) if route.shares_start and len(route.points) > 2 else toward(start, following, 9)
        yield path("M-3 5L3-5", "f", (x, y))
    elif route.start == "condition":
        x, y = toward(start, following, 7)
        yield path("M-7 0L0-4 7 0 0 4z", "p", (x, y))
    if route.words:
        yield from painted_words(route.words, "l")


def painted_event(shape: Shape) -> Iterator[str]:
    """An event: one ring for a start, two between, a thick one for an end; dashed when it does not interrupt."""
    node, at, radius = shape.node, (shape.x, shape.y), shape.width / 2
    kind = {"startEvent": "s", "endEvent": "x"}.get(node.type, "m")
    dashed = "" if node.interrupting or kind == "x" or (kind == "m" and node.type != "boundaryEvent") else " n"
    yield circle(at, radius, kind + dashed)
    if kind == "m":
        yield circle(at, radius - 3, kind + dashed)
    if node.event.kind in SIGNS:
        throws = node.type in ("endEvent", "intermediateThrowEvent")
        sign = "p" if throws and node.event.kind == "message" else ""
        yield path(SIGNS[node.event.kind], "j" if throws and not sign else "i", at, "" if not sign else ' style="fill:var(--i);stroke:var(--g)"')


def painted_gateway(shape: Shape) -> Iterator[str]:
    """A diamond with the sign of its kind."""
    half = shape.width / 2
    yield path(f"M-{half:g} 0L0-{half:g} {half:g} 0 0 {half:g}z", "m", (shape.x, shape.y))
    heavy = "" if shape.node.type == "eventBasedGateway" else " g"
    yield path(GATEWAY_SIGNS[shape.node.type], "i" + heavy, (shape.x, shape.y))


def markers(node: Node) -> list[str]:
    """The signs at the bottom of an activity."""
    found = ["parallel" if not node.multi_instance.sequential else "sequential"] if node.multi_instance else []
    return found + (["loop"] if node.loop else []) + (["compensation"] if node.for_compensation else [])


def painted_activity(shape: Shape) -> Iterator[str]:
    """A task or a sub-process with what stands in it."""
    node, x, y = shape.node, shape.x - shape.width / 2, shape.y - shape.height / 2
    kind = "t g" if node.type == "callActivity" else "p n" if node.triggered_by_event else "p" if shape.inner else "t"
    yield rectangle(x, y, shape.width, shape.height, kind, 9)
    if node.transaction:
        yield rectangle(x + 4, y + 4, shape.width - 8, shape.height - 8, "f", 6)
    if node.type in TASK_SIGNS:
        sends = node.type == "sendTask"
        yield path(TASK_SIGNS[node.type], "p" if sends else "i", (x + 14, y + 13), ' style="fill:var(--i);stroke:var(--t)"' if sends else "")
    found = markers(node)
    for index, marker in enumerate(found):
        solid = "j" if marker == "compensation" else "i"
        yield path(MARKERS[marker], solid, (shape.x + 16 * (index - (len(found) - 1) / 2), y + shape.height - 11))
    if shape.inner:
        yield from painted(shape.inner, shape.x - shape.inner.width / 2, y + INSET + 12)


def painted_shape(shape: Shape) -> Iterator[str]:
    """One node, its boundary events and their names."""
    if shape.node.type == "dataObject":
        yield path("M-14-18H6L14-10V18H-14zM6-18V-10H14", "p", (shape.x, shape.y))
    elif shape.is_event:
        yield from painted_event(shape)
    elif shape.is_gateway:
        yield from painted_gateway(shape)
    else:
        yield from painted_activity(shape)
    if shape.words:
        yield from painted_words(shape.words)
    for event in shape.boundary:
        yield from painted_shape(event)


def painted(drawing: Drawing, x: float = 0, y: float = 0) -> Iterator[str]:
    """Everything of one scope, moved to (x, y): lanes, then flows, then nodes."""
    yield f'<g transform="translate({number(x)} {number(y)})">' if x or y else "<g>"
    for shape in (shape for shape in drawing.shapes if shape.inner):
        yield from painted_shape(shape)
    for route in drawing.routes:
        yield from painted_route(route)
    for shape in (shape for shape in drawing.shapes if not shape.inner):
        yield from painted_shape(shape)
    yield "</g>"


def strip(x: float, y: float, width: float, height: float, name: str) -> Iterator[str]:
    """A pool or lane: its frame and its name from below upwards on the left."""
    yield rectangle(x, y, width, height, "p")
    yield path(f"M{number(x + STRIP)} {number(y)}v{number(height)}", "f")
    yield f'<text transform="translate({number(x + 17)} {number(y + height / 2)}) rotate(-90)">{escape(name)}</text>'


def described(graph: ProcessGraph) -> str:
    """The flows of a process in words, for those who do not see the picture."""
    def called(name: str) -> str:
        return graph.nodes[name].name or name

    hosts = [f"{called(node.id)} @ {called(node.attached_to)}" for node in graph.nodes.values() if node.attached_to]
    return "; ".join([f"{called(flow.source)} → {called(flow.target)}" for flow in graph.flows.values()] + hosts)


class _Sheet:
    """Puts pools and processes one below the other."""

    def __init__(self, reading: Reading, outer_lanes: Mapping[str, str]) -> None:
        self.reading, self.outer = reading, outer_lanes
        self.parts: list[str] = []
        self.width = self.bottom = 0.0
        self.places: dict[str, tuple[float, float, float]] = {}

    def filled(self) -> _Sheet:
        """The sheet with everything on it: black boxes that exchange messages above, then the processes, then the other boxes."""
        drawings = {name: ScopeLayout(graph, name).drawing() for name, graph in self.reading.graphs.items()}
        pools = self.reading.collaboration.participants
        strips = bool(pools) + any(drawing.bands for drawing in drawings.values()) + bool(self.outer)
        indent = STRIP * strips + INSET if strips else 0
        inner = max(drawing.width for drawing in drawings.values()) + indent + (INSET if indent else 0)
        told = {end for flow in self.reading.collaboration.message_flows for end in (flow.source, flow.target)}
        boxes = [pool for pool in pools if pool.process not in drawings]
        self.width = inner
        for pool in (pool for pool in boxes if pool.id in told):
            self._box(pool.id, pool.name)
        for name, drawing in drawings.items():
            self._process(self.reading.graphs[name], drawing, indent)
        for pool in (pool for pool in boxes if pool.id not in told):
            self._box(pool.id, pool.name)
        self._message_flows()
        return self

    def _box(self, key: str, name: str) -> None:
        self.parts.append(rectangle(0, self.bottom, self.width, 40, "p"))
        self.parts += painted_words(Words((name,), self.width / 2, self.bottom + 24))
        self.places[key] = (self.width / 2, self.bottom, self.bottom + 40)
        self.bottom += 40 + POOL_GAP

    def _process(self, graph: ProcessGraph, drawing: Drawing, indent: float) -> None:
        pool = next((pool for pool in self.reading.collaboration.participants if pool.process == graph.id), None)
        padding = INSET if pool and not drawing.bands else 0
        height = drawing.height + 2 * padding
        if pool:
            self.parts += strip(0, self.bottom, self.width, height, pool.name)
        self._lanes(drawing, STRIP if pool else 0)
        self.parts += painted(drawing, indent, self.bottom + padding)
        for shape in drawing.shapes:
            middle = self.bottom + padding + shape.y
            self.places[shape.node.id] = (indent + shape.x, middle - shape.height / 2, middle + shape.height / 2)
        self.bottom += height + POOL_GAP

    def _lanes(self, drawing: Drawing, offset: float) -> None:
        """The lanes; those inside another stand right of its name."""
        for outer in dict.fromkeys(self.outer.get(band.name, band.name) for band in drawing.bands):
            inside = [band for band in drawing.bands if outer in (band.name, self.outer.get(band.name))]
            top, bottom = inside[0].top, inside[-1].bottom
            self.parts += strip(offset, self.bottom + top, self.width - offset, bottom - top, outer)
            for band in (band for band in inside if band.name != outer):
                self.parts += strip(offset + STRIP, self.bottom + band.top, self.width - offset - STRIP, band.bottom - band.top, band.name)

    def _message_flows(self) -> None:
        for flow in self.reading.collaboration.message_flows:
            if flow.source not in self.places or flow.target not in self.places:
                continue
            source, target = self.places[flow.source], self.places[flow.target]
            x = source[0] if flow.source not in {pool.id for pool in self.reading.collaboration.participants} else target[0]
            start, end = (source[1], target[2]) if source[1] > target[1] else (source[2], target[1])
            self.parts.append(circle((x, start), 3, "p"))
            self.parts.append(path(f"M{number(x)} {number(start - 3 if start > end else start + 3)}V{number(end)}", "f n", more=' marker-end="url(#h)"'))
            self.parts += painted_words(Words((flow.name,), x + 7, end + (17 if start > end else -11), "start"), "l")


def outer_lanes(content: bytes) -> dict[str, str]:
    """The name of the outermost lane around each nested lane, by name; the graph itself keeps only the innermost."""
    found: dict[str, str] = {}
    for lane in parse_xml(content).iter(LANE):
        for inner in lane.iter(LANE):
            if inner is not lane:
                found.setdefault(inner.get("name", ""), lane.get("name", ""))
    return found


def picture(content: bytes) -> str:
    """The SVG picture of a BPMN file, the same text for the same bytes."""
    reading = read_graph(content)
    sheet = _Sheet(reading, outer_lanes(content)).filled()
    title = " · ".join(graph.name or graph.id for graph in reading.graphs.values())
    width, height = round(sheet.width + 2 * MARGIN + 0.5), round(sheet.bottom - POOL_GAP + 2 * MARGIN + 0.5)
    description = " / ".join(described(graph) for graph in reading.graphs.values())
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">',
        f'<title id="t">BPMN 图 diagram: {escape(title)}</title><desc id="d">{escape(description)}</desc><style>{escape(STYLE)}</style>',
        '<defs><marker id="h" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="h" d="M0 .5L8 4 0 7.5z"/></marker></defs>',
        f'<rect width="{width}" height="{height}" rx="10" style="fill:var(--g)"/><g transform="translate({MARGIN} {MARGIN})">', *sheet.parts, "</g></svg>", "",
    ])


def pictures() -> dict[str, str]:
    """Every test diagram's picture by file name."""
    return {f"{file.stem}.svg": picture(file.read_bytes()) for file in sorted(DIAGRAMS.glob("*.bpmn"))}


def page() -> str:
    """docs/bpmn_support.md with what deployment still refuses; once everything runs that table may be gone."""
    not_yet: Mapping[str, tuple[str, str]] = getattr(definitions, "NOT_YET", {})
    return support_page(not_yet, [name.removesuffix(".svg") for name in pictures()])


def write() -> None:
    """Writes all pictures and the page, and removes pictures without a diagram."""
    PICTURES.mkdir(exist_ok=True)
    current = pictures()
    for file in PICTURES.glob("*.svg"):
        if file.name not in current:
            file.unlink()
    for name, text in current.items():
        (PICTURES / name).write_text(text, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
