"""A table of results and its three forms: CSV, Markdown and LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from framework.errors import PedbenchError
from framework.files.writing import write_file

Direction = Literal[
    "",
    "higher is better for the user",
    "lower is better for the user",
    "higher is worse for privacy",
    "lower is worse for privacy",
]
Row = Mapping[Any, Any]
"""A row of a frame: name → value."""

BREAK = r" \\ "
LONG_TABLE = 40
"""Rows beyond which a LaTeX table may break over pages."""
WIDE_TABLE = 200
"""Letters beyond which a table that breaks over pages has its intervals below their numbers."""
MOST_LETTERS = 60
"""Letters beyond which words of a table that breaks over pages are set in lines."""
HEAD = 9
"""Letters in a line of a LaTeX heading, longer words apart."""

LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": r"$-$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "·": r"$\cdot$",
    "σ": r"$\sigma$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "²": r"$^2$",
    "µ": r"$\mu$",
    "₁": r"$_1$",
    "₀": r"$_0$",
}


@dataclass(frozen=True)
class Column:
    """How one column of a table is shown.

    Attributes:
        key: its name in the frame; with ``interval``, ``key_low`` and ``key_high`` beside it.
        label: its heading, with the unit.
        decimals: of a number; ``None`` shows the value as it is.
        direction: which way is better or worse, and for whom.
        interval: whether a 95 % interval stands behind the number.
        measure: what the legend calls it; the label when empty.
        parts: names in the frame that take its place in CSV.
        detail: whether it is left to CSV, because it never varies or would crowd the table.
        negative: what stands in the place of a number below 0; the number where it is empty.
    """

    key: str
    label: str
    decimals: int | None = None
    direction: Direction = ""
    interval: bool = False
    measure: str = ""
    parts: tuple[str, ...] = ()
    detail: bool = False
    negative: str = ""

    @property
    def keys(self) -> list[str]:
        """Its names in CSV."""
        return list(self.parts) if self.parts else self.needs

    @property
    def needs(self) -> list[str]:
        """Names in the frame that its text is made of."""
        return [self.key, f"{self.key}_low", f"{self.key}_high"] if self.interval else [self.key]

    def text(self, row: Row) -> str:
        """The cell's text; a dash where there is no value."""
        value = row[self.key]
        if pd.isna(value):
            return "–"
        if pd.api.types.is_bool(value):
            return "yes" if value else "no"
        if self.decimals is None:
            return str(value)
        if self.negative and value < 0:
            return self.negative
        text = number(value, self.decimals)
        if self.interval and pd.notna(row[f"{self.key}_low"]):
            low = number(row[f"{self.key}_low"], self.decimals)
            high = number(row[f"{self.key}_high"], self.decimals)
            text += f" [{low}, {high}]"
        return text


@dataclass(frozen=True)
class Table:
    """Results with all that a reader needs to judge them.

    Attributes:
        name: of its files.
        title: what it shows.
        note: how to read it.
        frame: the values, one row per line of the table.
        columns: what is written of ``frame``, in order.
        source: what it was measured on, and what to beware of.
        empty: the sentence that stands in its place where ``frame`` has no rows.
        fold, head: names in the frame, of a label by which reports fold rows away, and of whether
            a row is also shown above the folds; nothing is folded where they are empty.
        origin: package and version of the part that built it; empty for a built-in one.
        problem: the sentence in its place where its part failed; such a table has no files.

    Raises:
        PedbenchError: ``frame`` lacks what is shown.
    """

    name: str
    title: str
    note: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    source: str = ""
    empty: str = "This run measured nothing of the kind."
    fold: str = ""
    head: str = ""
    origin: str = ""
    problem: str = ""

    def __post_init__(self) -> None:
        wanted = {key for column in self.shown for key in column.needs}
        lacking = sorted(wanted - set(self.frame)) if not self.frame.empty else []
        if lacking:
            raise PedbenchError(
                f"the frame of table '{self.name}' lacks {', '.join(lacking)}: "
                "give it, or leave the column out"
            )

    @property
    def shown(self) -> list[Column]:
        """The columns outside CSV."""
        return [column for column in self.columns if not column.detail]

    @property
    def directions(self) -> str:
        """Which way each column is better or worse, in words."""
        measures: dict[str, dict[str, None]] = {}
        for column in self.shown:
            if column.direction:
                measures.setdefault(column.direction, {})[column.measure or column.label] = None
        parts = [f"{words}: {', '.join(names)}" for words, names in measures.items()]
        text = "; ".join(parts)
        return text[:1].upper() + text[1:] + "." if text else ""

    @property
    def legend(self) -> str:
        """Source, note and directions, and where a table of another package comes from."""
        origin = f"From {self.origin}." if self.origin else ""
        parts = (self.source, self.note, self.directions, origin)
        return " ".join(part for part in parts if part)

    @cached_property
    def rows(self) -> list[list[str]]:
        """The cells as text."""
        return [[c.text(row) for c in self.shown] for row in rows_of(self.frame)]

    def to_csv(self) -> str:
        """Every column in full precision, bounds of intervals in columns of their own."""
        keys = [key for column in self.columns for key in column.keys] or ["empty"]
        return self.frame.reindex(columns=keys).to_csv(index=False, float_format="%.6g")

    def to_markdown(self) -> str:
        """A pipe table under a heading."""
        lines = [f"## {self.title}", "", self.legend, ""]
        if self.frame.empty:
            return "\n".join([*lines, self.empty, ""])
        heads = [escape_markdown(column.label) for column in self.shown]
        rules = ["---" if column.decimals is None else "---:" for column in self.shown]
        body = [[escape_markdown(cell) for cell in row] for row in self.rows]
        lines += ["| " + " | ".join(cells) + " |" for cells in (heads, rules, *body)]
        return "\n".join([*lines, ""])

    def to_latex(self) -> str:
        """A booktabs table, shrunk to the line; a landscape ``longtable`` where it is long."""
        title, legend = escape_latex(self.title), escape_latex(self.legend)
        if self.frame.empty:
            return f"% {self.title}\n\\emph{{{escape_latex(self.empty)}}}\n"
        head = " & ".join(_latex_head(column.label) for column in self.shown) + r" \\"
        long = len(self.frame) > LONG_TABLE
        stacked = long and _letters(self.rows) > WIDE_TABLE
        body = "\n".join(_latex_row(row, stacked) for row in self.rows)
        shape = _LATEX_LONG if long else _LATEX_FLOAT
        kinds = "".join(
            _latex_kind(column, cells, long)
            for column, cells in zip(self.shown, zip(*self.rows, strict=True), strict=True)
        )
        values = {"title": title, "legend": legend, "kinds": kinds, "head": head, "body": body}
        for key, value in {**values, "name": self.name}.items():
            shape = shape.replace(f"<{key}>", value)
        return shape


def forms_of(table: Table) -> dict[str, str]:
    """The three forms of a table by the names of their files."""
    forms = {"csv": table.to_csv(), "md": table.to_markdown(), "tex": table.to_latex()}
    return {f"{table.name}.{suffix}": text for suffix, text in forms.items()}


def write_table(table: Table, folder: Path) -> list[Path]:
    """Write the three forms of a table into ``folder``."""
    return [write_file(folder / name, text) for name, text in forms_of(table).items()]


def rows_of(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows of a frame, a hundred times as fast to read as its `pandas.Series`."""
    return frame.to_dict("records")


def number(value: float, decimals: int) -> str:
    """A number with fixed decimals, thousands apart, and a true minus sign."""
    text = f"{float(value):,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace(",", "\u202f").replace("-", "−")


def escape_markdown(text: str) -> str:
    """Text that stays within its cell of a pipe table."""
    text = " ".join(text.split()).replace("\\", "\\\\")
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it stands."""
    text = " ".join(text.split("\n"))
    text = "".join(LATEX_SPECIAL.get(char, char) for char in text)
    return text.replace("--", "-{}-").replace("\u202f", r"\,")


def _letters(rows: Sequence[Sequence[str]]) -> int:
    """Letters across a table, two more for each gap."""
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True))


def _latex_row(cells: Sequence[str], stacked: bool) -> str:
    """A row; ``stacked`` puts intervals below their numbers, and a gap below the row."""
    texts = [escape_latex(cell) for cell in cells]
    if not stacked:
        return " & ".join(texts) + r" \\"
    return " & ".join(_STACK.sub(_BELOW, text) for text in texts) + r" \\ \addlinespace[2pt]"


def _latex_kind(column: Column, cells: Sequence[str], long: bool) -> str:
    """How a column is set: numbers to the right, words to the left; many words in lines."""
    if column.decimals is not None:
        return "r"
    return _WRAPPED if long and max(map(len, cells)) > MOST_LETTERS else "l"


def _latex_head(label: str) -> str:
    """A heading in lines of few letters."""
    lines = textwrap.wrap(label, HEAD, break_long_words=False, break_on_hyphens=False)
    return rf"\shortstack[b]{{{BREAK.join(map(escape_latex, lines))}}}"


_STACK = re.compile(r"^(\S+) \[(.+)\]$")
_BELOW = r"\\begin{tabular}[t]{@{}r@{}}\1\\\\{}[\2]\\end{tabular}"
_WRAPPED = r">{\raggedright\arraybackslash}p{38mm}"
_LATEX_FLOAT = r"""% needs \usepackage{booktabs,graphicx}
\begin{table}
\centering
\caption{<title>}
\label{tab:<name>}
\footnotesize
\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%
\begin{tabular}{@{}<kinds>@{}}
\toprule
<head>
\midrule
<body>
\bottomrule
\end{tabular}}
\par\smallskip
\parbox{\linewidth}{<legend>}
\end{table}
"""

_LATEX_LONG = r"""% needs \usepackage{array,booktabs,longtable,pdflscape}
\begin{landscape}
\tiny
\setlength{\tabcolsep}{2pt}
\begin{longtable}{@{}<kinds>@{}}
\caption{<title>}\label{tab:<name>}\\
\toprule
<head>
\midrule
\endfirsthead
\toprule
<head>
\midrule
\endhead
\bottomrule
\endfoot
<body>
\end{longtable}
\footnotesize\noindent <legend>
\end{landscape}
"""
