"""``paper.tex``: short tables and figures with their commands, the long tables behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.report.paper.questions import FIGURES, QUESTIONS, Question
from bench.report.paper.sources import Source
from bench.report.render.table import Table, escape_latex
from bench.report.write import Step, quiet
from framework.files.writing import make_folder, write_file

MAIN = "paper.tex"


@dataclass(frozen=True)
class Answer:
    """A question with the table of a run that answers it."""

    question: Question
    short: Table
    long: Table
    source: Source


def write_paper(sources: Sequence[Source], out: Path, step: Step = quiet) -> list[Path]:
    """Write ``paper.tex``, its tables (TeX, CSV) and its figures (PDF) into ``out``; the paths.

    Of several runs the first that has rows, or a figure, is the one that is shown; for some
    questions the one with most rows, see `Question`. ``step`` is told of each part.

    Raises:
        PedbenchError: ``out`` cannot be written.
    """
    make_folder(out)
    answers = [answer for question in QUESTIONS if (answer := _answer(question, sources))]
    longs = {(answer.source.folder, answer.long.name): answer.long for answer in answers}
    short = [answer.short for answer in answers]
    long = [replace(table, name=f"all-{n}-{table.name}") for n, table in enumerate(longs.values())]
    figures, drawn = _figures(sources, out, step)
    values = {
        "sources": "\n\n".join(escape_latex(_about(source)) for source in sources),
        "missing": escape_latex(_missing(answers)),
        "tables": "\n".join(_input(table, table.name) for table in short),
        "figures": "\n".join(figures),
        "contents": "\n".join(_item(n, table) for n, table in enumerate(long, 1)),
        "appendix": "\n\\clearpage\n".join(
            _input(table, f"A{n}") for n, table in enumerate(long, 1)
        ),
    }
    text = _DOCUMENT
    for key, value in values.items():
        text = text.replace(f"<{key}>", value)
    step("tables of the paper")
    tables = [path for table in (*short, *long) for path in _write(table, out)]
    return [*tables, *drawn, write_file(out / MAIN, text)]


def _write(table: Table, out: Path) -> list[Path]:
    forms = {"tex": table.to_latex(), "csv": table.to_csv()}
    return [write_file(out / f"{table.name}.{end}", text) for end, text in forms.items()]


def _input(table: Table, number: str) -> str:
    return rf"\renewcommand{{\thetable}}{{{number}}}\input{{{table.name}.tex}}"


def _item(number: int, table: Table) -> str:
    """A line of the appendix's contents."""
    return rf"\item[A{number}] {escape_latex(f'{table.title} ({table.name}.csv)')}"


def _figures(sources: Sequence[Source], out: Path, step: Step) -> tuple[list[str], list[Path]]:
    """The figures as LaTeX, and the files that they show."""
    texts, paths = [], []
    for number, (label, name) in enumerate(FIGURES.items(), 1):
        step(f"figure {number} of {len(FIGURES)} of the paper")
        for source in sources:
            drawn = source.figure(name)
            if drawn is not None:
                pdf, caption = drawn
                paths.append(write_file(out / f"{label}.pdf", pdf))
                texts.append(_figure(label, f"{caption} {_origin(source)}"))
                break
    return texts, paths


def _missing(answers: Sequence[Answer]) -> str:
    answered = {answer.question.label for answer in answers}
    lacking = [each for each in QUESTIONS if each.label not in answered]
    names = "; ".join(f"{each.label} ({each.table})" for each in lacking)
    return f"Not measured by these runs: {names}." if lacking else ""


def _answer(question: Question, sources: Sequence[Source]) -> Answer | None:
    answers = []
    for source in sources:
        long = source.tables.get(question.table)
        if long is None or long.frame.empty:
            continue
        short = question.answer(long)
        if not short.frame.empty:
            short = replace(short, source=_origin(source))
            answers.append(Answer(question, short, long, source))
    if question.fullest:
        answers.sort(key=lambda answer: -len(answer.short.frame))
    return answers[0] if answers else None


def _origin(source: Source) -> str:
    return f"{source.measured} Command: {source.command}."


def _about(source: Source) -> str:
    """What a reader must know of a run before its figures."""
    return " ".join([source.measured, *source.caveats])


def _figure(label: str, caption: str) -> str:
    return _FIGURE.replace("<label>", label).replace("<caption>", escape_latex(caption))


_FIGURE = r"""\begin{figure*}
\renewcommand{\thefigure}{<label>}
\centering
\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{\includegraphics{<label>.pdf}}
\caption{<caption>}
\label{fig:<label>}
\end{figure*}"""

_DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage[utf8]{inputenc}
\usepackage{array,booktabs,graphicx,longtable,pdflscape,textcomp}
\usepackage[margin=14mm]{geometry}
\setcounter{topnumber}{9}\setcounter{totalnumber}{9}\setcounter{dbltopnumber}{9}
\makeatletter
\setlength{\@fptop}{0pt}\setlength{\@dblfptop}{0pt}
\makeatother
\setlength{\belowcaptionskip}{4pt}
\sloppy
\title{Tables and figures of pedbench}
\author{}\date{}
\begin{document}
\twocolumn[{\begin{@twocolumnfalse}
\maketitle
\setlength{\parskip}{4pt}
Made by pedbench from the records of these runs.
Every table and figure names its run, and the command that makes it again.

<sources>

<missing>

The appendix has every row of the tables that the text takes its rows from. The CSV files beside
this document have more columns, and numbers in full precision.
\begin{description}\setlength{\itemsep}{0pt}
<contents>
\end{description}
\bigskip
\end{@twocolumnfalse}}]
<tables>
\clearpage
<figures>
\clearpage
\onecolumn
\appendix
<appendix>
\end{document}
"""
