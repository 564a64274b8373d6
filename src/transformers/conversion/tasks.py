"""Tasks that fine-tuned checkpoints are for, where their names say something about the head."""

from __future__ import annotations

from collections.abc import Mapping

from .family import Task

#: The tasks of GLUE, their names without what separates the words: the numbers of labels.
GLUE_LABELS: Mapping[str, int] = {
    "cola": 2,
    "mnli": 3,
    "mnlimatched": 3,
    "mnlimismatched": 3,
    "mnlimm": 3,
    "mrpc": 2,
    "qnli": 2,
    "qqp": 2,
    "rte": 2,
    "sst2": 2,
    "stsb": 1,
    "wnli": 2,
}


def plain_name(task: str) -> str:
    """STS-B, sts-b and stsb are one task."""
    return "".join(filter(str.isalnum, task.lower()))


def find_glue_task(name: str) -> Task | None:
    """What the name of a task of GLUE says, whichever class its model has: the number of labels."""
    labels = GLUE_LABELS.get(plain_name(name))
    return None if labels is None else Task(None, labels)
