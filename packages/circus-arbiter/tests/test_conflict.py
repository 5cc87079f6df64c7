import pytest

from circus.circusd.conflict import find_conflicting_distribution


@pytest.mark.parametrize("names", [(), ("circus-arbiter", "circus-process", "psutil")])
def test_our_own_distributions_do_not_conflict(names):
    assert find_conflicting_distribution(names) is None


@pytest.mark.parametrize("name", ["circus", "Circus"])
def test_the_reference_beside_ours_is_found_and_the_way_out_is_named(name):
    text = find_conflicting_distribution(["circus-arbiter", name])
    assert text is not None
    assert "is installed in the same environment" in text
    assert "pip uninstall circus && pip install --force-reinstall circus-arbiter" in text


def test_this_environment_is_clean():
    assert find_conflicting_distribution() is None
