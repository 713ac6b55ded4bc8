"""The only door for YAML: plain values, no objects, of bounded size and depth, read by the C parser where the library has it."""

from __future__ import annotations

from typing import Any

import yaml

from workflows.feel.errors import Words

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAXIMUM_BYTES = 4 * 1024 * 1024
MAXIMUM_VALUES = 200_000  # with everything an alias repeats counted again
MAXIMUM_DEPTH = 60


class YamlError(yaml.YAMLError):
    """The file is not YAML, or not YAML we are willing to read; str() is Chinese, `words.en` English, `line` from 1 (0 unknown)."""

    def __init__(self, zh: str, en: str, line: int = 0) -> None:
        super().__init__(zh)
        self.words = Words(zh, en)
        self.line = line


def read_yaml(text: str | bytes) -> Any:
    """The document in `text`.

    Raises YamlError when it is not YAML, is larger than MAXIMUM_BYTES, nests deeper than MAXIMUM_DEPTH, or holds more than
    MAXIMUM_VALUES values once its aliases are written out.
    """
    if len(text) > MAXIMUM_BYTES:
        size = MAXIMUM_BYTES // 1024 // 1024
        raise YamlError(f"文件大于 {size} MB", f"the file is larger than {size} MB")
    try:
        _measure(text)
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - the loader is the safe one
    except YamlError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        reason = error.problem or error.context or "syntax"
        raise YamlError(f"YAML 有误（第 {line} 行第 {column} 列：{reason}）", f"not valid YAML at line {line}, column {column}: {reason}", line) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise YamlError(f"不是 UTF-8 编码的 YAML 文本（{reason}）", f"not YAML text in UTF-8: {reason}") from None
    except (ValueError, OverflowError) as error:
        reason = str(error)[:200]
        raise YamlError(f"有不存在的日期或过大的数（{reason}）", f"it holds a date that does not exist or too large a number: {reason}") from None


def _measure(text: str | bytes) -> None:
    """Refuse what is too deep or too much before any value is made of it."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # the anchor of each collection around, and the count where it began
    count = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise YamlError(f"别名 *{event.anchor} 指向包含它自己或不存在的内容", f"the alias *{event.anchor} points at what it stands in, or at nothing", line)
            count += sizes[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            sizes.pop(event.anchor or "", None)
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor:
                sizes[event.anchor] = 1
        if count > MAXIMUM_VALUES:
            raise YamlError(f"内容超过 {MAXIMUM_VALUES:,} 个值（别名展开后）", f"it holds more than {MAXIMUM_VALUES:,} values, aliases written out", line)
        if len(open_nodes) > MAXIMUM_DEPTH:
            raise YamlError(f"嵌套超过 {MAXIMUM_DEPTH} 层", f"nested deeper than {MAXIMUM_DEPTH} levels", line)
