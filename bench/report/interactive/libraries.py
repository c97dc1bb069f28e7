"""Libraries of the browser, as npm has them, which reports carry within themselves."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from markupsafe import Markup

CHART = ("vega", "vega-lite", "vega-embed")
TABLES = ("datatables", "columncontrol")


@cache
def scripts(names: tuple[str, ...]) -> Markup:
    """The scripts with their licences, as elements of a page."""
    return Markup("\n").join(
        Markup("<script>\n/*! {}\n*/\n{}\n</script>").format(
            Markup(_text(f"{name}.LICENSE").replace("*/", "")), Markup(_script(name))
        )
        for name in names
    )


@cache
def styles(names: tuple[str, ...]) -> Markup:
    """The style sheets with their licences, as elements of a page."""
    return Markup("\n").join(
        Markup("<style>\n/*! {}\n*/\n{}\n</style>").format(
            Markup(_text(f"{name}.LICENSE")), Markup(_text(f"{name}.min.css"))
        )
        for name in names
    )


def _script(name: str) -> str:
    """A script without its source map, which lies elsewhere, and without what ends an element."""
    lines = _text(f"{name}.min.js").splitlines()
    kept = [line for line in lines if not line.startswith("//# sourceMappingURL")]
    return "\n".join(kept).replace("</script", "<\\/script")


def _text(name: str) -> str:
    folder = files("bench.report.render") / "libraries"
    return (folder / name).read_text(encoding="utf-8")
