"""Typer parameters that load no pydantic.

Theory: typer 0.29 makes a pydantic adapter for each parameter, also where a text stays a text; that costs more than all
the rest of a command. These two classes hand through what is right already and leave everything else to typer. With a
typer that never asks for such adapters, they change nothing.
"""

from enum import Enum
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

__all__ = ["LightCommand", "LightGroup"]

_UNDECIDED = object()


def _as_it_is(annotation: Any, value: Any) -> Any:
    """The value, if it needs no adapter. Pure."""
    if value is None or annotation is str:
        return value
    if annotation == list[str]:
        return list(value)
    if isinstance(annotation, type):
        if isinstance(value, annotation):
            return value
        if issubclass(annotation, Enum) and value in {member.value for member in annotation}:
            return annotation(value)
    return _UNDECIDED


class _Light:
    """Stands in for typer's adapter of one parameter."""

    def __init__(self, param: Any) -> None:
        self._param = param

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        found = _as_it_is(self._param.type_descriptor.annotation, value)
        if found is _UNDECIDED:
            return self._param.heavy().coerce(value, param=param, ctx=ctx)
        return found


class _LightOption(TyperOption):
    def heavy(self) -> Any:
        return super().get_runtime_param()

    def get_runtime_param(self) -> Any:
        return _Light(self)


class _LightArgument(TyperArgument):
    def heavy(self) -> Any:
        return super().get_runtime_param()

    def get_runtime_param(self) -> Any:
        return _Light(self)

    def get_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        # Our metavars say what may be left out, and what repeated: ``NAME [PID]``, not ``[NAME [PID]]...``.
        if self.hidden:
            return []
        return [self.metavar or str(self.name).upper()]


_LIGHT: dict[type, type] = {TyperOption: _LightOption, TyperArgument: _LightArgument}


class LightCommand(TyperCommand):
    """A command whose parameters are light."""

    def get_params(self, ctx: Any) -> Any:
        return _lighten(super().get_params(ctx))


class LightGroup(TyperGroup):
    """A group whose parameters are light."""

    def get_params(self, ctx: Any) -> Any:
        return _lighten(super().get_params(ctx))


def _lighten(params: list[Any]) -> list[Any]:
    """The same parameters, made light in place; the option for help among them."""
    for param in params:
        for heavy, light in _LIGHT.items():
            if param.__class__ is heavy:
                param.__class__ = light
    return params
