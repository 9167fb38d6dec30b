"""The SVG of a chart, made safe to serve: known elements only, no link, no script, a description for screen readers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Final

SVG: Final = "http://www.w3.org/2000/svg"
ELEMENTS = frozenset(
    ["svg", "g", "path", "rect", "line", "circle", "text", "tspan", "defs", "clipPath", "title", "desc"]
)


class UnsafeSvg(Exception):
    """The rendered picture holds what no chart of ours has."""


def served(svg: str, heading: str, description: str) -> str:
    """The SVG as one that is looked at by strangers; raises `UnsafeSvg`."""
    if "<!" in svg:
        raise UnsafeSvg("a declaration")
    try:
        root = ET.fromstring(svg)  # noqa: S314 - without declarations there is nothing to expand
    except ET.ParseError as error:
        raise UnsafeSvg(f"not XML: {error}") from error
    for element in root.iter():
        _check(element)
    root.set("role", "img")
    root.set("aria-label", description)
    title = ET.Element(f"{{{SVG}}}title")
    title.text = heading
    root.insert(0, title)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")


def _check(element: ET.Element) -> None:
    namespace, _, name = str(element.tag).rpartition("}")
    if namespace.removeprefix("{") != SVG or name not in ELEMENTS:
        raise UnsafeSvg(f"element {element.tag!r}")
    for key, value in element.attrib.items():
        local = key.rpartition("}")[2].casefold()
        references = "url(" in value and not value.startswith("url(#")
        if local.startswith("on") or local in ("href", "src", "style") or references:
            raise UnsafeSvg(f"attribute {key!r} of {name!r}")
