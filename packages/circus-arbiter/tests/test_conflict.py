import pytest

from circus.circusd.conflict import find_conflicting_distribution


def installed(folder, *names):
    for name in names:
        (folder / name).mkdir()
    return [str(folder / "not-there"), str(folder)]


def test_our_own_distributions_do_not_conflict(tmp_path):
    path = installed(
        tmp_path, "circus_arbiter-1.0.dist-info", "circus_ctl-1.0.dist-info", "circus", "circus_web.egg-info"
    )
    assert find_conflicting_distribution(path) is None


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("circus-0.19.0.dist-info", "0.19.0"),
        ("Circus-0.16.1.dist-info", "0.16.1"),
        ("circus-0.12.1-py2.7.egg-info", "0.12.1"),
        ("circus.egg-info", "of unknown version"),
    ],
)
def test_the_old_one_is_named_with_the_way_out(tmp_path, name, version):
    text = find_conflicting_distribution(installed(tmp_path, "circus_arbiter-1.0.dist-info", name))
    assert text is not None
    assert f"'circus' ({version})" in text
    assert "pip uninstall circus" in text


def test_this_environment_has_no_conflict():
    assert find_conflicting_distribution() is None
