"""The only door for XML: parses untrusted bytes with no entities, no external references and bounded size and depth.

It knows nothing of BPMN or DMN.
"""

from __future__ import annotations

from lxml import etree

from workflows.feel.errors import Words

MAXIMUM_BYTES = 8 * 1024 * 1024
MAXIMUM_DEPTH = 200
MAXIMUM_ELEMENTS = 200_000
MAXIMUM_ATTRIBUTE = 200_000
MAXIMUM_ATTRIBUTES = 100  # of one element; reading them all takes time in proportion to their square
DOCUMENT_TYPE = ("不接受 DOCTYPE 与实体声明，请删除", "document type declarations and entities are not accepted; remove the DOCTYPE")


class XmlError(ValueError):
    """The file is not well-formed XML, or not XML we are willing to read; `line` says where (0 = unknown), `reason.en` why in English."""

    def __init__(self, zh: str, en: str, line: int = 0) -> None:
        super().__init__(zh)
        self.reason = Words(zh, en)
        self.line = line


def parse_xml(data: bytes) -> etree._Element:
    """Parse `data` and return the root element with line numbers.

    Raises XmlError when the bytes are larger than MAXIMUM_BYTES, carry a document type declaration, nest deeper
    than MAXIMUM_DEPTH, hold more than MAXIMUM_ELEMENTS elements, an element of more than MAXIMUM_ATTRIBUTES attributes or an attribute
    longer than MAXIMUM_ATTRIBUTE characters, or are not well-formed.
    """
    if len(data) > MAXIMUM_BYTES:
        raise XmlError(f"文件大于 {MAXIMUM_BYTES // 1024 // 1024} MB", f"the file is larger than {MAXIMUM_BYTES // 1024 // 1024} MB")
    _refuse_document_type(data)
    parser = etree.XMLPullParser(
        events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
        dtd_validation=False, huge_tree=False, remove_comments=False,
    )
    depth = count = 0
    may_be_long = len(data) > MAXIMUM_ATTRIBUTE  # a small file need not be asked element by element
    try:
        for offset in range(0, len(data), 65536):
            parser.feed(data[offset : offset + 65536])
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                count += event == "start"
                if depth > MAXIMUM_DEPTH:
                    raise XmlError(f"元素嵌套超过 {MAXIMUM_DEPTH} 层", f"elements are nested deeper than {MAXIMUM_DEPTH} levels", element.sourceline or 0)
                if count > MAXIMUM_ELEMENTS:
                    raise XmlError(f"文件超过 {MAXIMUM_ELEMENTS} 个元素", f"the file holds more than {MAXIMUM_ELEMENTS} elements", element.sourceline or 0)
                if may_be_long and event == "start":
                    _refuse_long_attributes(element)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        raise XmlError(f"XML 格式有误（{error.msg}）", f"not well-formed XML: {error.msg}", error.lineno or 0) from None
    if root.getroottree().docinfo.doctype:
        raise XmlError(*DOCUMENT_TYPE)
    return root


def _refuse_long_attributes(element: etree._Element) -> None:
    if len(element.attrib) > MAXIMUM_ATTRIBUTES:
        raise XmlError(f"有元素的属性超过 {MAXIMUM_ATTRIBUTES} 个", f"an element has more than {MAXIMUM_ATTRIBUTES} attributes", element.sourceline or 0)
    if any(len(value) > MAXIMUM_ATTRIBUTE for value in element.attrib.values()):
        raise XmlError(f"有属性超过 {MAXIMUM_ATTRIBUTE} 字", f"an attribute is longer than {MAXIMUM_ATTRIBUTE} characters", element.sourceline or 0)


def _refuse_document_type(data: bytes) -> None:
    """Refuse DOCTYPE before the parser sees it: entity bombs cost nothing then."""
    head = data.replace(b"\x00", b"")
    position = head.find(b"<!DOCTYPE")
    if position >= 0:
        line = head.count(b"\n", 0, position) + 1
        raise XmlError(*DOCUMENT_TYPE, line)
