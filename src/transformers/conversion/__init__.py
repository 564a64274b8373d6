"""Plan, run, verify: from the named arrays of a checkpoint to the weights of a model. Knows rules, knows no family."""

from .._lazy import lazy_names

PUBLIC_NAMES = {
    "convert": ("ConversionOptions", "convert"),
    "layout": ("ConversionError",),
    "output": ("Destination", "OutputError"),
    "plan": ("ConversionPlan", "make_plan"),
    "report": ("ConversionReport",),
    "survey": ("PlanRequest", "survey"),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)
