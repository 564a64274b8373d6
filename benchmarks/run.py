"""Measures this library beside others: ``make bench``, or ``python benchmarks/run.py --rows 'convert/*' --repeat 3``.

Every row holds several ways to do one job against each other in alternating runs, after their outputs have been
compared. The results are a JSON file, and Markdown tables and bar charts made from it, in ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench import HERE, Bench
from contest import Row, hold, with_threads
from machine import OthersShare, commit, describe_environment, describe_machine
from peers import PEERS, our_environment, peer_environment
from rows import all_rows


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if a row could not be timed."""
    arguments = _parser().parse_args(argv)
    peers = [peer for peer in PEERS if peer.name in arguments.peers]
    if not arguments.list:
        _say("environments: " + ", ".join(peer.name for peer in peers))
    bench = Bench(
        work=Path(os.path.relpath(arguments.work)),  # so that programs do not talk of this machine's folders
        ours=our_environment(),
        peers={peer.name: peer_environment(peer, arguments.work.resolve(), make=not arguments.list) for peer in peers},
    )
    rows = [row for row in all_rows(bench) if any(fnmatchcase(row.id, pattern) for pattern in arguments.rows)]
    if arguments.list:
        print("\n".join(f"{row.id:28} {row.title}" for row in rows))
        return 0
    if not rows:
        _say(f"no row is called {' or '.join(arguments.rows)}: see --list")
        return 2
    path = arguments.results / f"{arguments.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for results in _results(bench, rows, arguments.repeat, arguments.threads):
        path.write_text(without_folders(json.dumps(results, indent=1), bench) + "\n")
    subprocess.run([sys.executable, str(HERE / "report.py"), str(path)], check=True)
    return 1 if any(row["failure"] for row in results["rows"]) else 0


def without_folders(text: str, bench: Bench) -> str:
    """The text, with the environments by their names and the repository's files by their paths inside of it."""
    for environment in (*bench.peers.values(), bench.ours):
        text = text.replace(f"{environment.folder}/", f"<{environment.name}>/")
    return text.replace(f"{HERE.parent}/", "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="benchmarks/run.py"
    )
    add = parser.add_argument
    add("--rows", nargs="+", default=["*"], metavar="PATTERN", help="rows by their ids, with wildcards (default: all)")
    add("--list", action="store_true", help="list the rows and measure nothing")
    add("--repeat", type=int, default=5, metavar="N", help="timed runs of each contestant (default: 5)")
    add("--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="for rows that compute (default: 1 2)")
    names = [peer.name for peer in PEERS]
    add(
        "--peers",
        nargs="*",
        default=names,
        choices=names,
        metavar="PEER",
        help=f"beside whom (default: {', '.join(names)})",
    )
    add("--name", default="latest", help="name of the results (default: latest)")
    add("--results", type=Path, default=HERE / "results", metavar="FOLDER", help="where the results go")
    add(
        "--work",
        type=Path,
        default=HERE / "work",
        metavar="FOLDER",
        help="where checkpoints, outputs and environments go",
    )
    return parser


def _results(bench: Bench, rows: Sequence[Row], repeat: int, threads: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The results again and again, with one row more each time, so that what was measured outlives an interruption."""
    results: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "machine": describe_machine(),
        "environments": {one.name: describe_environment(one) for one in bench.environments},
        "repeat": repeat,
        "rows": [],
    }
    started = time.monotonic()
    variants = [one for row in rows for one in _variants(row, threads)]
    for number, row in enumerate(variants, 1):
        minutes = (time.monotonic() - started) / 60
        _say(f"[{number}/{len(variants)}, {minutes:.0f} min so far] {row.id}: {row.title}")
        others = OthersShare()
        result = {**hold(row, repeat, _say), "others_share": round(others.value(), 3)}
        results["rows"].append(result)
        problems = [(one["name"], one["failure"]) for one in result["contestants"]] + [(row.id, result["failure"])]
        for name, problem in problems:
            if problem:
                _say(f"  {name}: {problem}")
        yield results


def _variants(row: Row, threads: Sequence[int]) -> list[Row]:
    return [with_threads(row, count) for count in threads] if row.per_threads else [row]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
