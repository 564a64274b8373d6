"""What a conversion did: for a person on the terminal, and as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoints import CheckpointReader
from .plan import ConversionPlan


@dataclass(frozen=True)
class ConversionReport:
    """The result of a conversion.

    Attributes:
        source: What was converted, as the user named it.
        source_format: Its file format in words.
        model_type: The family.
        architecture: The model class of the output.
        tensors: Number of tensors written.
        parameters: Number of parameters in them.
        tied: Keys that are other names of a parameter and not stored.
        skipped: Reason -> the variables that were left out for it.
        assumed: What was assumed about the configuration and the tokenizer, and why.
        checksums: Which checksums of the source were verified, in words; None if it has none.
        round_trip: Whether every tensor was turned back into its variables and compared bit for bit.
        rounded: Tensors whose values were rounded on the way, which cannot be turned back to the bit.
        newly_initialized: Tensors of a head that no variable holds, and how each begins.
        seconds: Wall time.
        folder: Where the output is.
        files: The files written there.
        load_line: The Python line that loads the model.
    """

    source: str
    source_format: str
    model_type: str
    architecture: str
    tensors: int
    parameters: int
    tied: Sequence[str]
    skipped: dict[str, Sequence[str]]
    assumed: Sequence[str]
    checksums: str | None
    round_trip: bool
    rounded: Sequence[str]
    newly_initialized: dict[str, str]
    seconds: float
    folder: Path
    files: Sequence[str]
    load_line: str

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, as ``--report`` writes it."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "folder": str(self.folder),
            "files": [str(self.folder / name) for name in self.files],
            "tied": list(self.tied),
            "assumed": list(self.assumed),
            "rounded": list(self.rounded),
            "skipped": {reason: list(names) for reason, names in self.skipped.items()},
            "seconds": round(self.seconds, 3),
        }

    def to_json(self) -> str:
        """The report as text for a program."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        lines = [
            ("source", f"{self.source} ({self.source_format})"),
            ("model", f"{self.architecture} ({self.model_type})"),
            ("written", f"{self.tensors:,} tensors, {self.parameters:,} parameters"),
            *(("new", f"{name}: no variable holds it ({start})") for name, start in self.newly_initialized.items()),
            *(("skipped", _count(reason, names)) for reason, names in self.skipped.items()),
            *(("assumed", assumption) for assumption in self.assumed),
            ("checked", self._checked()),
            ("time", f"{self.seconds:.1f} s"),
            *(("output", str(self.folder / name)) for name in self.files),
            ("load it", self.load_line),
        ]
        return "\n".join(f"{label:<9}{text}" for label, text in lines)

    def _checked(self) -> str:
        checks = [self.checksums or "no checksums in this format"]
        if not self.round_trip:
            checks.append("round trip not verified (--no_verify)")
        else:
            checks.append(turned_back(self.tensors, len(self.rounded), len(self.newly_initialized)))
        return "; ".join(checks)


def turned_back(tensors: int, rounded: int, new: int) -> str:
    """How many tensors the proof is about, in words."""
    exact = tensors - rounded - new
    further = [f", {rounded} rounded and recomputed" if rounded else "", f", {new} without a source" if new else ""]
    return (
        f"{'' if rounded or new else 'all '}{exact} tensors turned back into the source bit for bit{''.join(further)}"
    )


@dataclass(frozen=True)
class TokenizerReport:
    """The result of the conversion of a vocabulary without a model.

    Attributes:
        source: What was converted.
        model_type: The family.
        tokenizer: The class of the tokenizer.
        assumed: What was assumed about it, and why.
        seconds: Wall time.
        folder: Where the output is.
        files: The files written there.
        load_line: The Python line that loads it.
    """

    source: str
    model_type: str
    tokenizer: str
    assumed: Sequence[str]
    seconds: float
    folder: Path
    files: Sequence[str]
    load_line: str

    def to_json(self) -> str:
        """The report as text for a program, as ``--report`` writes it."""
        fields = {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "folder": str(self.folder),
            "files": [str(self.folder / name) for name in self.files],
            "assumed": list(self.assumed),
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        lines = [
            ("source", f"{self.source} (a vocabulary without a model)"),
            ("written", f"{self.tokenizer} ({self.model_type})"),
            *(("assumed", assumption) for assumption in self.assumed),
            ("time", f"{self.seconds:.1f} s"),
            *(("output", str(self.folder / name)) for name in self.files),
            ("load it", self.load_line),
        ]
        return "\n".join(f"{label:<9}{text}" for label, text in lines)


#: As many variables as can be told one by one: no head has more.
_FEW = 12


def _count(reason: str, names: Sequence[str]) -> str:
    """``24 variables: state of the optimizer (bert/…/adam_m, …)``; a few are all named."""
    if len(names) == 1:
        return f"1 variable: {reason} ({names[0]})"
    shown = ", ".join(names) if len(names) <= _FEW else f"{names[0]}, …"
    return f"{len(names):,} variables: {reason} ({shown})"


def plan_text(plan: ConversionPlan, checkpoint: CheckpointReader) -> str:
    """The full mapping, as ``--dry_run`` prints it; where many variables are skipped for a reason, their number."""
    rows = [
        (row.target, f"{row.dtype} {list(row.shape)}", str(row.operation), ", ".join(row.sources)) for row in plan.rows
    ]
    rows += [(target, "tied", "not stored", original) for target, original in plan.tied.items()]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [f"{checkpoint.path} ({checkpoint.format}) -> {plan.architecture} ({plan.family.model_type})", ""]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[3]]).rstrip())
    lines.append("")
    for reason, skipped in plan.skipped_by_reason.items():
        names = [variable.name for variable in skipped]
        many = len(names) > _FEW
        lines += [f"skipped  {_count(reason, names)}"] if many else [f"skipped  {name}  ({reason})" for name in names]
    lines += [f"assumed  {assumption}" for assumption in plan.assumed]
    lines.append(f"{len(plan.rows):,} tensors, {plan.parameters:,} parameters, {plan.nbytes:,} bytes")
    return "\n".join(lines)
