"""What is measured, a module a metric. Each takes a run and a plan and gives figures by name, with the unit in the name."""

from collections.abc import Mapping

__all__ = ["Figures"]

Figures = Mapping[str, float]
