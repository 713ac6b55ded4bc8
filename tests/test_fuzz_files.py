"""Sound files damaged at random: whatever comes out, `check` answers in lines that end with a count and raises nothing.

More examples: FUZZ_EXAMPLES=20000 pytest tests/test_fuzz_files.py.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tasks.scenarios.process_check import check_path

ROOT = Path(__file__).parent.parent
PROCESS = ROOT / "bpmn" / "renewal_declaration_audit"
SINGLE = sorted([*(ROOT / "tests" / "diagrams").glob("*.bpmn"), *PROCESS.glob("*.dmn"), *PROCESS.glob("*.form"), *PROCESS.glob("*.bpmn"),
                 *(ROOT / "tests" / "foreign").iterdir()])
TOGETHER = sorted(path for path in PROCESS.iterdir() if path.name != "scenarios.yaml")  # playing them is another test
WORDS = ["", "x", "=", "= 1 +", "${x}", "true", "-1", "9" * 400, "\u0000", "审核", "[]", "{}", "null", "P1D", "a b", "&", "<", "#{", "= (", "id", "\ufffe"]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
COMMON = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def answers(path: Path) -> None:
    lines: list[str] = []
    fine = check_path(path, path, lambda *_: None, lines.append)  # type: ignore[arg-type, return-value]
    assert lines and isinstance(fine, bool) and fine == (not any(line.startswith("✗") for line in lines))
    assert all(line.isprintable() for line in lines)


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A file with some stretches cut out, doubled, or written over."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 60)))
        kind = draw(st.sampled_from(["cut", "double", "bytes", "word"]))
        new = {"cut": b"", "double": content[start:end] * 2, "bytes": draw(st.binary(max_size=8)), "word": draw(st.sampled_from(WORDS)).encode()}[kind]
        content = content[:start] + new + content[end:]
    return content


@st.composite
def damaged_tree(draw: st.DrawFn, content: bytes) -> bytes:
    """A document with elements removed, doubled, moved or renamed and attributes changed, so that it is still well-formed."""
    root = etree.fromstring(content)
    for _ in range(draw(st.integers(1, 5))):
        elements = [element for element in root.iter() if isinstance(element.tag, str)]
        one, other = (elements[draw(st.integers(0, len(elements) - 1))] for _ in range(2))
        kind = draw(st.sampled_from(["remove", "double", "move", "rename", "set", "drop", "text"]))
        word = draw(st.sampled_from([word for word in WORDS if word.isprintable()]))
        if kind == "remove" and one.getparent() is not None:
            one.getparent().remove(one)
        elif kind in ("double", "move") and one not in other.iterancestors() and one is not other:
            other.append(etree.fromstring(etree.tostring(one, with_tail=False)) if kind == "double" else one)
        elif kind == "rename":
            one.tag = other.tag
        elif kind == "text":
            one.text = word
        elif one.attrib:
            name = draw(st.sampled_from(sorted(map(str, one.attrib))))
            if kind == "drop":
                del one.attrib[name]
            else:
                one.set(name, draw(st.sampled_from([word, *map(str, other.attrib.values())])))
    return bytes(etree.tostring(root))


def damaged(data: st.DataObject, path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix in (".bpmn", ".bpmn2", ".dmn", ".xml") and data.draw(st.booleans()):
        return data.draw(damaged_tree(content))
    return data.draw(damaged_bytes(content))


@COMMON
@given(st.data())
def test_a_damaged_file_gives_findings_never_an_exception(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(SINGLE))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / path.name).write_bytes(damaged(data, path))
        answers(Path(folder) / path.name)


@settings(COMMON, max_examples=max(1, EXAMPLES // 10))
@given(st.data())
def test_a_folder_with_one_damaged_file_gives_findings_never_an_exception(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(TOGETHER))
    with tempfile.TemporaryDirectory() as folder:
        for other in TOGETHER:
            (Path(folder) / other.name).write_bytes(damaged(data, other) if other == path else other.read_bytes())
        answers(Path(folder))
