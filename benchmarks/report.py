"""Makes Markdown tables, and bar charts where matplotlib is at hand, from results: ``report.py RESULTS.json``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]

_UNITS = {
    "cpu_s": "CPU s",
    "wall_s": "wall s",
    "peak_anonymous_mib": "peak anonymous MiB",
    "peak_resident_mib": "peak resident MiB",
}


def markdown(results: Result) -> str:
    """The whole report."""
    return "\n".join([*_preface(results), *_targets(results["rows"]), *_rows(results["rows"]), ""])


def _preface(results: Result) -> Iterator[str]:
    machine = results["machine"]
    yield "# Benchmarks"
    yield ""
    yield f"`make bench` at commit `{results['commit']}`, {results['started']}."
    yield f"Medians of {results['repeat']} alternating runs, page cache and byte-code caches warm."
    yield "CPU is user and system time of the whole process tree."
    yield ""
    yield f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux"
    yield f"{machine['kernel']}; load average before the first run {machine['load_average']}."
    yield ""
    for name, versions in results["environments"].items():
        yield f"- {name}: " + ", ".join(f"{package} {version}" for package, version in versions.items())
    yield ""


def _targets(rows: list[Result]) -> Iterator[str]:
    lines = [line for row in rows for line in _target_lines(row)]
    if lines:
        yield "## What was built for, and what is reached"
        yield ""
        yield "| row | figure | built for | measured | |"
        yield "|---|---|--:|--:|---|"
        yield from lines
        yield ""


def _target_lines(row: Result) -> Iterator[str]:
    medians = _medians(row)
    for target in row["targets"]:
        value = _figure(medians, target["of"], target["figure"])
        figure = f"{target['of']}: {_UNITS[target['figure']]}"
        if target["beside"]:
            other = _figure(medians, target["beside"], target["figure"])
            value = value / other if value is not None and other else None
            figure += f" / {target['beside']}"
        reached = "not measured" if value is None else "reached" if value <= target["at_most"] else "**missed**"
        yield f"| {row['id']} | {figure} | ≤ {target['at_most']:g} | {_number(value)} | {reached} |"


def _rows(rows: list[Result]) -> Iterator[str]:
    for row in rows:
        yield f"## {row['id']}: {row['title']}"
        yield ""
        if row["failure"]:
            yield f"Not timed: {row['failure']}"
            yield ""
        medians = _medians(row)
        yield f"| | {' | '.join(_UNITS.values())} | CPU beside {row['reference']} | wall beside it |"
        yield "|---|" + "--:|" * (len(_UNITS) + 2)
        for contestant in row["contestants"]:
            yield _contestant_line(contestant, medians, row["reference"])
        yield ""
        yield f"- Other processes used {row['others_share']:.0%} of the machine meanwhile."
        yield from (f"- {note}" for note in row["notes"])
        yield from (f"- Compared first: {line}" for line in row["checked"])
        yield ""


def _contestant_line(contestant: Result, medians: Mapping[str, Mapping[str, float]], reference: str) -> str:
    name = contestant["name"]
    if contestant["failure"]:
        return f"| {name} | fails: {contestant['failure'].replace('|', '/')} |" + " |" * (len(_UNITS) + 1)
    cells = [_number(_figure(medians, name, figure)) for figure in _UNITS]
    for figure in ("cpu_s", "wall_s"):
        value, other = _figure(medians, name, figure), _figure(medians, reference, figure)
        cells.append(_number(value / other if value is not None and other else None))
    return f"| {name} | {' | '.join(cells)} |"


def _medians(row: Result) -> dict[str, Mapping[str, float]]:
    return {one["name"]: one["median"] for one in row["contestants"] if one["median"]}


def _figure(medians: Mapping[str, Mapping[str, float]], name: str, figure: str) -> float | None:
    return medians[name][figure] if name in medians else None


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw(results: Result, stem: Path) -> list[Path]:
    """A bar chart of CPU seconds and of peak memory for each group of rows; none without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        return []
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    drawn = []
    groups = dict.fromkeys(row["id"].split("/")[0] for row in results["rows"])
    for group in groups:
        rows = [row for row in results["rows"] if row["id"].startswith(f"{group}/") and _medians(row)]
        if rows:
            path = stem.with_name(f"{stem.name}-{group}.svg")
            _chart(rows, path)
            drawn.append(path)
    return drawn


def _chart(rows: list[Result], path: Path) -> None:
    from matplotlib.figure import Figure

    panels = ("cpu_s", "peak_resident_mib")
    figure = Figure(figsize=(11, 1 + 0.28 * sum(len(row["contestants"]) + 1 for row in rows)), layout="constrained")
    names = list(dict.fromkeys(one["name"] for row in rows for one in row["contestants"]))
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True), panels, strict=True):
        ticks, place = {}, 0.0
        for row in rows:
            ticks[place + (len(row["contestants"]) - 1) / 2] = row["id"]
            for one in row["contestants"]:
                value = one["median"][panel] if one["median"] else None
                bar = axes.barh(place, value or 0, color=f"C{names.index(one['name'])}")
                axes.bar_label(bar, ["fails" if value is None else _number(value)], padding=2, fontsize=7)
                place += 1
            place += 1
        axes.set_yticks(list(ticks), list(ticks.values()), fontsize=8)
        axes.set_xlabel(_UNITS[panel])
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    handles = [figure.axes[0].barh(0, 0, color=f"C{index}", label=name) for index, name in enumerate(names)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(names), fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Writes the report beside the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    path = parser.parse_args().results
    results = json.loads(path.read_text())
    stem = path.with_suffix("")
    charts = draw(results, stem)
    text = markdown(results)
    if charts:
        text += "\n" + "\n".join(f"![{chart.stem}]({chart.name})" for chart in charts) + "\n"
    path.with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
