import sys

import pytest
from fresh import constraints, find, libraries, lowest
from packaging.requirements import Requirement

PROJECTS = [
    {"dependencies": ["circus-ctl==1.0.0", "rich>=13"], "optional-dependencies": {"redis": ["redis>=5.0.1"]}},
    {"dependencies": ["rich>=13.8", "pyzmq>=25,<99"]},
]
PINNED = {"rich": "15.0", "pytest": "9.2", "redis": "8.1", "pyzmq": "27.3", "mypy": "2.4"}


def test_extras_count_and_siblings_do_not():
    assert [str(one) for one in libraries(PROJECTS)] == [
        "rich>=13",
        "redis>=5.0.1",
        "rich>=13.8",
        "pyzmq<99,>=25",
    ]


def test_the_highest_of_the_lower_bounds_is_the_lowest_for_all():
    assert lowest(libraries(PROJECTS)) == {"pyzmq": "25", "redis": "5.0.1", "rich": "13.8"}


def test_a_library_without_a_lower_bound_is_told():
    with pytest.raises(ValueError, match="rich<20: which is the lowest"):
        lowest([Requirement("rich<20")])


@pytest.mark.parametrize(("choice", "rich"), [("lowest", "13.8"), ("newest", None), ("pinned", "15.0")])
def test_tools_stay_pinned_whatever_is_chosen(choice, rich):
    found = constraints(choice, PROJECTS, PINNED)
    assert found.get("rich") == rich
    assert found["pytest"] == "9.2"
    assert "mypy" not in found


@pytest.mark.real
def test_a_python_is_found_by_path_and_one_that_is_not_there_is_none():
    assert find(sys.executable) == sys.executable
    assert find("3.999") is None
