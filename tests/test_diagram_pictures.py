"""The pictures of docs/bpmn_support.md: one for each test diagram, current, small, readable by programs and never colliding."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from prover import FEATURES
from reference_drawing import Drawer
from reference_growth import Grower
from reference_marking import drawn, grown
from tests.diagram_layout import ScopeLayout
from tests.diagram_pictures import DIAGRAMS, PAGE, PICTURES, page, picture, pictures
from tests.diagram_shapes import Drawing, Shape
from workflows.graph import ELEMENTS, read_graph, support_page
from workflows.hardened_xml import parse_xml

SVG = "{http://www.w3.org/2000/svg}"
LARGEST = 6 * 1024
WRITE = "run: python tests/diagram_pictures.py"
FILES = sorted(DIAGRAMS.rglob("*.bpmn"))


def drawings(content: bytes) -> Iterator[Drawing]:
    """The drawings of the processes of a file."""
    return (ScopeLayout(graph, name).drawing() for name, graph in read_graph(content).graphs.items())


def scopes(drawing: Drawing) -> Iterator[Drawing]:
    """A drawing and those inside its sub-processes."""
    yield drawing
    for shape in drawing.shapes:
        if shape.inner:
            yield from scopes(shape.inner)


def overlap(one: Shape, other: Shape) -> bool:
    """Whether two nodes stand on the same ground."""
    return abs(one.x - other.x) < (one.width + other.width) / 2 and abs(one.y - other.y) < (one.height + other.height) / 2


def crossed(start: tuple[float, float], end: tuple[float, float], shape: Shape) -> bool:
    """Whether a straight piece of a flow runs through the inside of a node."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    half_width, half_height = shape.width / 2 - 1, shape.height / 2 - 1
    return left < shape.x + half_width and right > shape.x - half_width and top < shape.y + half_height and bottom > shape.y - half_height


def test_every_test_diagram_has_its_current_picture() -> None:
    stale = [name for name, text in pictures().items() if not (PICTURES / name).exists() or (PICTURES / name).read_text("utf-8") != text]
    assert stale == [], WRITE


def test_no_picture_is_without_its_test_diagram() -> None:
    assert {file.name for file in PICTURES.iterdir()} == set(pictures()), WRITE


def test_the_support_page_shows_the_pictures_and_what_is_still_refused() -> None:
    assert PAGE.read_text("utf-8") == page(), WRITE


def test_every_element_that_runs_or_is_refused_has_a_picture() -> None:
    assert [entry.element for entry in ELEMENTS if entry.status in ("runs", "refused") and f"{entry.diagram}.svg" not in pictures()] == []


def test_the_page_marks_an_element_that_deployment_refuses() -> None:
    text = support_page({"signal": ("信号", "a signal")})
    assert "- 信号 · a signal" in text and text.count("**部署时拒绝 refused at deployment**") == 2
    assert "部署时拒绝" not in support_page()


def test_every_picture_is_linked_from_the_page() -> None:
    text = page()
    assert [name for name in pictures() if f"](diagrams/{name})" not in text] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_picture_is_small_xml_with_a_title_and_a_description(path: Path) -> None:
    content = picture(path.read_bytes()).encode()
    root = parse_xml(content)
    assert len(content) <= LARGEST and root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") and "→" in (root.findtext(f"{SVG}desc") or "")


def collisions(content: bytes) -> list[str]:
    """The nodes on each other, and those a flow runs through or touches aslant."""
    found: list[str] = []
    for scope in (scope for drawing in drawings(content) for scope in scopes(drawing)):
        found += [one.node.id for index, one in enumerate(scope.shapes) for other in scope.shapes[index + 1:] if overlap(one, other)]
        for start, end in (piece for route in scope.routes for piece in pairwise(route.points)):
            aslant = start[0] != end[0] and start[1] != end[1]
            found += [shape.node.id for shape in scope.shapes if aslant or crossed(start, end, shape)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_picture_shows_every_node_of_its_diagram(path: Path) -> None:
    for graph, drawing in zip(read_graph(path.read_bytes()).graphs.values(), drawings(path.read_bytes()), strict=True):
        shown = [shape for scope in scopes(drawing) for outer in scope.shapes for shape in (outer, *outer.boundary)]
        assert {shape.node.id for shape in shown if shape.node.type != "dataObject"} == set(graph.nodes)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_node_stands_on_another_and_no_flow_runs_through_one(path: Path) -> None:
    assert collisions(path.read_bytes()) == []


@pytest.mark.parametrize("seed", range(20))
def test_random_diagrams_are_drawn_without_collisions_too(seed: int) -> None:
    source = random.Random(seed)
    assert collisions(Drawer().draw(Grower(source, FEATURES).tree(source.randint(1, 5)))) == []
    assert collisions(drawn(grown(source))) == []
