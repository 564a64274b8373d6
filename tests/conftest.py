"""What holds for all tests: no network, one thread per process, the same hypothesis examples in every run."""

from __future__ import annotations

import os

# Read when torch and huggingface_hub are first imported, which a test may or may not do.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from hypothesis import settings

from tests.shared.hub_server import hub, hub_folder

settings.register_profile("transformers", derandomize=True, deadline=None, database=None)
settings.load_profile("transformers")

__all__ = ["hub", "hub_folder"]
