"""Lays a process graph out from left to right for the pictures of the documentation: columns by longest path, rows by branch.

It knows places, routes and the room words take, not how anything is painted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.diagram_shapes import (
    ABOVE, BELOW, BOUNDARY_RADIUS, COLUMN_GAP, INSET, LEFT, LINE_HEIGHT, LOOP_STEP, RIGHT, ROW_GAP, TASK_WIDTH, TRACK, Band, Drawing, Point, Route,
    Shape, Words, body_size, moved_to_origin, shortened, text_width, wrapped,
)
from workflows.graph import Node, ProcessGraph

@dataclass(eq=False)
class _Edge:
    """A flow between two nodes of a scope; from a boundary event it belongs to the activity it is attached to."""

    source: str
    target: str
    boundary: str | None = None
    words: str = ""
    start: str = ""
    dotted: bool = False
    hidden: bool = False
    back: bool = False
    run: int = 0
    leaves: str = RIGHT
    enters: str = LEFT
    side: str = ABOVE
    level: float = 0
    shift: float = 0
    detour: bool = False


class ScopeLayout:
    """Lays out the nodes of one scope; sub-processes are laid out first and stand as boxes."""

    def __init__(self, graph: ProcessGraph, scope: str) -> None:
        self.graph, self.scope = graph, scope
        nodes = [node for node in graph.nodes.values() if node.scope == scope]
        self.shapes = {node.id: self._shape(node) for node in nodes if node.type != "boundaryEvent" and not node.triggered_by_event}
        self.asides = [self._shape(node) for node in nodes if node.triggered_by_event]
        for node in nodes:
            if node.type == "boundaryEvent" and node.attached_to:
                self.shapes[node.attached_to].boundary.append(Shape(node, *body_size(node)))
        for shape in self.shapes.values():
            shape.width = max(shape.width, 52 * len(shape.boundary))
        self.edges = list(self._edges())
        leaving = [edge.boundary for edge in self.edges if edge.boundary]
        for shape in self.shapes.values():
            shape.boundary.sort(key=lambda event: leaving.index(event.node.id) if event.node.id in leaving else len(leaving))
        self.lanes = list(dict.fromkeys(node.lane or "" for node in nodes)) if any(node.lane for node in nodes) else []
        self.items: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.born: dict[int, str | None] = {}

    def _shape(self, node: Node) -> Shape:
        if node.type != "subProcess":
            return Shape(node, *body_size(node))
        inner = ScopeLayout(self.graph, node.id).drawing()
        marker = 16 if node.multi_instance or node.loop or node.for_compensation else 0
        width = max(inner.width + 2 * INSET, text_width(node.name) + 30, TASK_WIDTH)
        return Shape(node, width, inner.height + 2 * INSET + 12 + marker, inner=inner)

    def _edges(self) -> Iterator[_Edge]:
        for flow in self.graph.flows.values():
            source, target = self.graph.nodes[flow.source], self.graph.nodes[flow.target]
            if source.scope != self.scope or target.scope != self.scope:
                continue
            chosen = source.default == flow.id
            start = "default" if chosen else "condition" if flow.condition and not source.type.endswith("Gateway") else ""
            words = shortened(flow.name or flow.condition or "")
            yield _Edge(source.attached_to or source.id, target.id, source.id if source.attached_to else None, words, start, hidden=flow.id.startswith("link:"))
        for shape in self.shapes.values():
            for event in shape.boundary:
                if event.node.compensation_handler:
                    yield _Edge(shape.node.id, event.node.compensation_handler, event.node.id, dotted=True)

    def drawing(self) -> Drawing:
        """The scope with every node and edge placed."""
        self._find_back_edges()
        self._assign_columns()
        self._assign_rows()
        self._choose_sides()
        self._place()
        drawing = Drawing(0, 0, list(self.shapes.values()), [self._route(edge) for edge in self.edges if not edge.hidden], self._bands())
        self._put_below(drawing)
        return moved_to_origin(drawing)

    def _out(self, name: str) -> list[_Edge]:
        own = [edge for edge in self.edges if edge.source == name]
        return [edge for edge in own if not edge.boundary] + [edge for edge in own if edge.boundary]

    def _roots(self) -> list[str]:
        entered = {edge.target for edge in self.edges}
        return [name for name in self.shapes if name not in entered] + list(self.shapes)

    def _find_back_edges(self) -> None:
        state: dict[str, str] = {}

        def visit(name: str) -> None:
            state[name] = "open"
            for edge in self._out(name):
                if edge.target not in state:
                    visit(edge.target)
                edge.back = state[edge.target] == "open"
            state[name] = "done"

        for root in self._roots():
            if root not in state:
                visit(root)

    def _assign_columns(self) -> None:
        for _ in self.shapes:
            for edge in self.edges:
                if not edge.back:
                    target = self.shapes[edge.target]
                    target.column = max(target.column, self.shapes[edge.source].column + 1)
        self.columns = 1 + max((shape.column for shape in self.shapes.values()), default=0)

    def _new_row(self, parent: str | None) -> int:
        self.born[len(self.born)] = parent
        return len(self.born) - 1

    def _assign_rows(self) -> None:
        placed: set[str] = set()
        for root in self._roots():
            if root not in placed:
                self._walk(root, self._new_row(None), placed)
        self._note_items()
        if not self.lanes:
            self._merge_rows()
        self._number_rows()

    def _walk(self, name: str, row: int, placed: set[str]) -> None:
        shape = self.shapes[name]
        shape.row, straight = row, True
        placed.add(name)
        for edge in self._out(name):
            if edge.back:
                continue
            new = edge.target not in placed
            adjacent = self.shapes[edge.target].column == shape.column + 1
            if straight and not edge.boundary:
                edge.run, straight = row, False
            elif new or edge.boundary or not adjacent:
                edge.run = self._new_row(name)
            else:
                edge.run = self.shapes[edge.target].row
            if new:
                self._walk(edge.target, edge.run, placed)

    def _note_items(self) -> None:
        self.items.clear()
        for shape in self.shapes.values():
            self.items[shape.row].append((shape.column, shape.column))
        for edge in self.edges:
            first, last = self._span(edge)
            if not edge.back and first <= last:
                self.items[edge.run].append((first, last))

    def _span(self, edge: _Edge) -> tuple[int, int]:
        return self.shapes[edge.source].column + (0 if edge.boundary else 1), self.shapes[edge.target].column - 1

    def _merge_rows(self) -> None:
        home = {row: row for row in self.born}
        for row in sorted(self.born):
            parent = self.born[row]
            first = 0 if parent is None else home[self.shapes[parent].row] + 1
            for other in range(first, row):
                if parent is not None and self.items[other] and self._apart(self.items[row], self.items[other]):
                    self.items[other] += self.items.pop(row)
                    home[row] = other
                    break
        for shape in self.shapes.values():
            shape.row = home[shape.row]
        for edge in self.edges:
            edge.run = home[edge.run]

    @staticmethod
    def _apart(some: Iterable[tuple[int, int]], others: list[tuple[int, int]]) -> bool:
        low, high = min(first for first, _ in some), max(last for _, last in some)
        return all(last + 1 < low or high + 1 < first for first, last in others)

    def _number_rows(self) -> None:
        lane = {name: self.lanes.index(shape.node.lane or "") if self.lanes else 0 for name, shape in self.shapes.items()}
        of_shape = {name: (lane[name], shape.row) for name, shape in self.shapes.items()}
        of_edge = {edge: (lane[edge.source] if edge.run == self.shapes[edge.source].row else lane[edge.target], edge.run) for edge in self.edges if not edge.back}
        keys = sorted({*of_shape.values(), *of_edge.values()})
        self.row_lanes = [key[0] for key in keys]
        for name, key in of_shape.items():
            self.shapes[name].row = keys.index(key)
        for edge, key in of_edge.items():
            edge.run = keys.index(key)
        self._note_items()

    def _free(self, column: int, rows: Iterable[int]) -> bool:
        return not any(first <= column <= last for row in rows for first, last in self.items[row])

    def _clear(self, column: int, row: int, other: int, node_row: bool) -> bool:
        """Whether nothing stands in the column between two rows; with `node_row` no node stands in `other` either."""
        between = range(min(row, other) + 1, max(row, other))
        occupied = any(shape.column == column and shape.row == other for shape in self.shapes.values())
        return self._free(column, between) and not (node_row and occupied)

    def _blocked(self, shape: Shape, row: int) -> bool:
        """Whether a node stands under this one, down to `row`."""
        return any(other.column == shape.column and shape.row < other.row <= row for other in self.shapes.values())

    def _choose_sides(self) -> None:
        for edge in self.edges:
            source, target = self.shapes[edge.source], self.shapes[edge.target]
            if edge.back:
                continue
            if edge.boundary:
                edge.leaves, edge.detour = BELOW, self._blocked(source, edge.run)
            elif edge.run != source.row and source.is_gateway and self._clear(source.column, source.row, edge.run, True):
                edge.leaves = BELOW if edge.run > source.row else ABOVE
        for name in (name for name, shape in self.shapes.items() if not shape.is_gateway):
            self._fan_out(name, [edge for edge in self._out(name) if edge.leaves == RIGHT and not edge.back and not edge.hidden])
        for edge in self.edges:
            target = self.shapes[edge.target]
            side = BELOW if edge.run > target.row else ABOVE
            if not edge.back and edge.run != target.row and target.is_gateway and self._clear(target.column, target.row, edge.run, True):
                if all(other.leaves != side for other in self._out(edge.target)):
                    edge.enters = side
        loops = sorted((edge for edge in self.edges if edge.back), key=lambda edge: self.shapes[edge.source].column - self.shapes[edge.target].column)
        for edge in loops:
            self._choose_loop(edge)
        for side in (ABOVE, BELOW):
            height = 0.0
            for edge in (edge for edge in loops if edge.side == side):
                height += LOOP_STEP + (LINE_HEIGHT - 4 if edge.words else 0)
                edge.level = height

    def _fan_out(self, name: str, edges: list[_Edge]) -> None:
        """Lets flows with a sign at their source leave an activity beside each other, so that each sign is seen."""
        if len(edges) > 1 and any(edge.start for edge in edges):
            ordered = sorted(edges, key=lambda edge: edge.run)
            straight = next((place for place, edge in enumerate(ordered) if edge.run == self.shapes[name].row), 0)
            for place, edge in enumerate(ordered):
                edge.shift = max(-20, min(10 * (place - straight), 20))

    def _choose_loop(self, edge: _Edge) -> None:
        ends = (self.shapes[edge.source], self.shapes[edge.target])
        rows = len(self.row_lanes)
        over = [self._free(shape.column, range(shape.row)) for shape in ends]
        under = [self._free(shape.column, range(shape.row + 1, rows)) and not shape.boundary for shape in ends]
        under = [free and not any(other.leaves == BELOW for other in self._out(shape.node.id)) for free, shape in zip(under, ends, strict=True)]
        down = bool(edge.boundary) or (not all(over) and all(under))
        edge.side = BELOW if down else ABOVE
        free = under if down else over
        edge.leaves = BELOW if edge.boundary else edge.side if free[0] else RIGHT
        edge.enters = edge.side if free[1] else LEFT
        edge.detour = bool(edge.boundary) and self._blocked(ends[0], rows)

    def _above(self, shape: Shape) -> float:
        return shape.height / 2 + (16 if shape.is_gateway and shape.node.name and self._label_side(shape) == ABOVE else 0)

    def _below(self, shape: Shape) -> float:
        below = shape.height / 2
        if shape.is_event or (shape.is_gateway and shape.node.name and self._label_side(shape) == BELOW):
            below += 3 + LINE_HEIGHT * len(wrapped(shape.node.name, 76)) if shape.node.name else 0
        lines = max((len(wrapped(event.node.name, 48)) for event in shape.boundary), default=0)
        return below + (BOUNDARY_RADIUS + 1 + LINE_HEIGHT * lines if shape.boundary else 0)

    def _label_side(self, shape: Shape) -> str:
        """Where a gateway's name stands: on the corner no flow uses, else left above."""
        used = {edge.leaves for edge in self._out(shape.node.id)} | {edge.enters for edge in self.edges if edge.target == shape.node.id}
        return ABOVE if ABOVE not in used else BELOW if BELOW not in used else LEFT

    def _verticals(self) -> Iterator[tuple[int, str, str, int, int, _Edge]]:
        """The uprights edges need in the gaps: gap (0 is left of the first column), end, who shares it, first and last row."""
        for edge in sorted(self.edges, key=lambda edge: -edge.shift):
            source, target = self.shapes[edge.source], self.shapes[edge.target]
            run = (-1 if edge.side == ABOVE else len(self.row_lanes)) if edge.back else edge.run
            if edge.detour or (edge.leaves == RIGHT and run != source.row):
                yield source.column + 1, "out", f"{edge.source} {edge.shift}", min(run, source.row), max(run, source.row), edge
            if edge.enters == LEFT and run != target.row:
                yield target.column, "in", edge.target, min(run, target.row), max(run, target.row), edge

    def _tracks(self) -> dict[tuple[_Edge, str], tuple[int, int]]:
        """For each upright its gap and its place in it, counted from the gap's own end."""
        groups: dict[tuple[int, str, str], list[tuple[int, int, _Edge]]] = defaultdict(list)
        for gap, end, owner, first, last, edge in self._verticals():
            groups[gap, end, owner].append((first, last, edge))
        taken: dict[tuple[int, str], list[tuple[int, int, int]]] = defaultdict(list)
        found: dict[tuple[_Edge, str], tuple[int, int]] = {}
        for (gap, end, _), members in groups.items():
            first, last = min(member[0] for member in members), max(member[1] for member in members)
            clashing = {track for low, high, track in taken[gap, end] if low <= last and first <= high}
            track = next(number for number in range(len(clashing) + 1) if number not in clashing)
            taken[gap, end].append((first, last, track))
            found.update({(edge, end): (gap, track) for _, _, edge in members})
        return found

    def _place(self) -> None:
        tracks = self._tracks()
        count: dict[tuple[int, str], int] = defaultdict(int)
        for (_, end), (gap, track) in tracks.items():
            count[gap, end] = max(count[gap, end], track + 1)
        words: dict[int, float] = defaultdict(float)
        signs: dict[int, float] = defaultdict(float)
        for edge in self.edges:
            gap = self.shapes[edge.source].column + 1
            if edge.words and not edge.back:
                words[gap] = max(words[gap], text_width(edge.words, 10) + 4)
            if edge.start and edge.leaves == RIGHT:
                signs[gap] = 10
        self.gap_start, self.gap_end, self.free_start, right = {}, {}, {}, 0.0
        for column in range(self.columns + 1):
            self.gap_start[column] = right
            between = TRACK * (count[column, "out"] + count[column, "in"]) + 26 + words[column] + signs[column]
            wide = max(COLUMN_GAP, between) if 0 < column < self.columns else between - 26
            self.free_start[column] = right + signs[column] + TRACK * count[column, "out"]
            self.gap_end[column] = right + wide
            inside = [max(shape.width, *(text_width(line) for line in wrapped(shape.node.name, 76))) if shape.is_event else shape.width
                      for shape in self.shapes.values() if shape.column == column]
            width = max(inside, default=0)
            for shape in self.shapes.values():
                if shape.column == column:
                    shape.x = right + wide + width / 2
            right += wide + width
        self.track_x = {key: self.gap_start[gap] + 12 + signs[gap] + TRACK * track if key[1] == "out" else self.gap_end[gap] - 16 - TRACK * track
                        for key, (gap, track) in tracks.items()}
        self._place_rows()

    def _place_rows(self) -> None:
        self.row_y: list[float] = []
        self.row_bottom: list[float] = []
        bottom = 0.0
        for row, lane in enumerate(self.row_lanes):
            shapes = [shape for shape in self.shapes.values() if shape.row == row]
            bottom += ROW_GAP if row and lane != self.row_lanes[row - 1] else 0
            self.row_y.append(bottom + max((self._above(shape) for shape in shapes), default=6))
            for shape in shapes:
                shape.y = self.row_y[row]
                self._place_details(shape)
            self.row_bottom.append(self.row_y[row] + max((self._below(shape) for shape in shapes), default=6))
            bottom = self.row_bottom[row] + ROW_GAP
        self.bottom = bottom - ROW_GAP

    def _place_details(self, shape: Shape) -> None:
        name, number = shape.node.name, len(shape.boundary)
        for index, event in enumerate(shape.boundary):
            event.x = shape.x + shape.width / 2 - (index + 0.5) * shape.width / number + (0 if number > 1 else shape.width / 4)
            event.y = shape.y + shape.height / 2
            left = number > 1 and index == number - 1
            event.words = Words(wrapped(event.node.name, 48), event.x + (-4 if left else 4), event.y + BOUNDARY_RADIUS + 11, "end" if left else "start")
        if not name:
            return
        lines = wrapped(name, 76)
        if shape.inner:
            shape.words = Words((name,), shape.x, shape.y - shape.height / 2 + 16)
        elif shape.is_event:
            shape.words = Words(lines, shape.x, shape.y + shape.height / 2 + LINE_HEIGHT)
        elif shape.is_gateway:
            side = self._label_side(shape)
            places = {ABOVE: Words((name,), shape.x, shape.y - shape.height / 2 - 5), BELOW: Words((name,), shape.x, shape.y + shape.height / 2 + LINE_HEIGHT),
                      LEFT: Words((name,), shape.x - 9, shape.y - 17, "end")}
            shape.words = places[side]
        else:
            raised = 4 if shape.node.multi_instance or shape.node.loop or shape.node.for_compensation else 0
            shape.words = Words(lines, shape.x, shape.y + 5 - raised - (len(lines) - 1) * LINE_HEIGHT / 2)

    def _route(self, edge: _Edge) -> Route:
        source, target = self.shapes[edge.source], self.shapes[edge.target]
        if edge.back:
            height = -edge.level if edge.side == ABOVE else self.bottom + edge.level
        else:
            height = self.row_y[edge.run]
        start = next((event for event in source.boundary if event.node.id == edge.boundary), source)
        points = _end(start, edge.leaves, edge.shift)
        if edge.leaves == RIGHT and height != source.y:
            points += [(self.track_x[edge, "out"], source.y + edge.shift), (self.track_x[edge, "out"], height)]
        elif edge.detour:
            under = self.row_bottom[source.row] + ROW_GAP / 2
            points += [(start.x, under), (self.track_x[edge, "out"], under), (self.track_x[edge, "out"], height)]
        elif edge.leaves != RIGHT:
            points.append((start.x, height))
        if edge.enters == LEFT and height != target.y:
            points += [(self.track_x[edge, "in"], height), (self.track_x[edge, "in"], target.y)]
        elif edge.enters != LEFT:
            points.append((target.x, height))
        points += _end(target, edge.enters)
        shares = edge.leaves != RIGHT and sum(other.leaves == edge.leaves for other in self._out(edge.source)) > 1
        return Route(_without_straight(points), edge.dotted, edge.start, self._edge_words(edge, points, height), shares)

    def _edge_words(self, edge: _Edge, points: list[Point], height: float) -> Words | None:
        if not edge.words:
            return None
        if edge.back:
            return Words((edge.words,), (points[1][0] + points[2][0]) / 2, height - 4)
        left = points[1][0] if edge.leaves != RIGHT else self.free_start[self.shapes[edge.source].column + 1]
        return Words((edge.words,), left + 7, height - 4, "start")

    def _bands(self) -> list[Band]:
        bands: list[Band] = []
        for index, name in enumerate(self.lanes):
            rows = [row for row, lane in enumerate(self.row_lanes) if lane == index]
            shapes = [shape for shape in self.shapes.values() if shape.row in rows]
            top = min((shape.y - self._above(shape) for shape in shapes), default=self.row_y[rows[0]]) - ROW_GAP
            bands.append(Band(name, top, max((shape.y + self._below(shape) for shape in shapes), default=top) + ROW_GAP))
        for upper, lower in zip(bands, bands[1:], strict=False):
            upper.bottom = lower.top = (upper.bottom + lower.top) / 2
        return bands

    def _put_below(self, drawing: Drawing) -> None:
        """Event sub-processes and data objects, one below the other under the flow, from the left."""
        loops = [edge.level for edge in self.edges if edge.back and edge.side == BELOW]
        bottom = self.bottom + max(loops, default=0)
        left = self.gap_end[0]
        for shape in self.asides:
            shape.x, shape.y = left + shape.width / 2, bottom + ROW_GAP + shape.height / 2
            self._place_details(shape)
            drawing.shapes.append(shape)
            bottom = shape.y + shape.height / 2
        papers = {paper.name or paper.id: paper for paper in self.graph.data_objects if paper.scope == self.scope}
        for number, paper in enumerate(papers.values()):
            drawing.shapes.append(Shape(Node(paper.id, paper.name, "dataObject", self.scope, 0), 28, 36, left + 50 + 80 * number, bottom + ROW_GAP + 18,
                                        Words((paper.name,), left + 50 + 80 * number, bottom + ROW_GAP + 36 + LINE_HEIGHT)))


def _end(shape: Shape, side: str, shift: float = 0) -> list[Point]:
    horizontal = {LEFT: -1, RIGHT: 1}.get(side, 0) * shape.width / 2
    return [(shape.x + horizontal, shape.y + shift + {ABOVE: -1, BELOW: 1}.get(side, 0) * shape.height / 2)]


def _without_straight(points: list[Point]) -> list[Point]:
    """The points without repeats and without those on a straight line between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and (kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1]):
            kept.pop()
        kept.append(point)
    return kept
