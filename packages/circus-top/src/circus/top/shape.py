"""What came as JSON, as the shape that it should have. Pure."""

from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["as_list", "as_mapping", "is_list", "is_mapping"]


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is an array."""
    return isinstance(value, list)


def as_mapping(value: object) -> Mapping[str, Any]:
    """The object; an empty one for anything else."""
    return value if is_mapping(value) else {}


def as_list(value: object) -> list[Any]:
    """The array; an empty one for anything else."""
    return value if is_list(value) else []
