"""The mathematics that the families share. Knows tensors, knows no configuration and no model."""
