"""What stands in the source and not in the objects: the text below an attribute. Pure but for reading modules."""

import ast
import inspect
import textwrap

__all__ = ["attribute_docs"]


def attribute_docs(cls: type) -> dict[str, str]:
    """The text below each attribute of a class and of its bases, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("circus."):
            found |= _of_one(base)
    return found


def _of_one(cls: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        target = (
            statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        )
        if (
            isinstance(target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[target.id] = " ".join(str(following.value.value).split())
    return found
