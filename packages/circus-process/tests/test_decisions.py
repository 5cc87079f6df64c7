"""The pure deciders of a spawn: limits, identities, finding a program, the chain."""

import os
import pwd
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process import ExitStatus, Identity, ProcessSpec, Stage, chain, identity, limits, locate

INF = resource.RLIM_INFINITY
HAVE = (100, 1000)


def plan(wanted, *, may_raise=False, have=HAVE):
    return limits.plan(wanted, ours=lambda _: have, may_raise=may_raise)


def test_what_already_holds_needs_nothing():
    assert plan({"core": HAVE}) == {}
    assert plan({"core": (50, 1000)}) == {"core": (50, 1000)}


def test_an_unlimited_nofile_is_our_hard_limit():
    assert plan({"nofile": (INF, INF)}) == {"nofile": (1000, 1000)}


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((5, 4), "above the hard limit 4"),
        ((1, 2000), "above the hard limit 1000"),
        ((INF, INF), "unlimited is above the hard limit 1000"),
        ((INF, 5), "soft limit unlimited"),
    ],
)
def test_what_cannot_be(pair, words):
    with pytest.raises(limits.LimitError, match=words) as caught:
        plan({"core": pair})
    assert caught.value.subject == "core"


def test_who_may_raise_may():
    assert plan({"core": (INF, INF)}, may_raise=True) == {"core": (INF, INF)}


def test_even_root_has_a_ceiling_of_descriptors():
    with pytest.raises(limits.LimitError, match="above the hard limit"):
        plan({"nofile": (2**40, 2**40)}, may_raise=True)


@given(st.integers(-1, 2000), st.integers(-1, 2000), st.integers(0, 2000))
def test_what_is_planned_is_within_bounds(soft, hard, top):
    try:
        result = plan({"core": (soft, hard)}, have=(0, top))
    except limits.LimitError:
        return
    for low, high in result.values():
        assert 0 <= low <= high <= top


def test_names_become_numbers_with_all_groups():
    root = identity.resolve("root")
    assert (root.uid, root.gid) == (0, 0)
    assert 0 in root.groups
    assert identity.resolve(0) == identity.resolve("0") == root
    assert identity.resolve(None) == identity.resolve("", "") == Identity()


def test_a_number_without_an_entry_is_fine_and_has_no_groups():
    assert identity.resolve(987654, 5) == Identity(uid=987654, gid=5, groups=())


def test_a_group_alone_keeps_none_of_our_groups():
    assert identity.resolve(None, "root") == Identity(gid=0, groups=())
    assert identity.resolve(None, 0).groups == ()


@pytest.mark.parametrize(
    ("user", "group"),
    [("no-such-user", None), (None, "no-such-group"), (-5, None), (2**40, None), (None, -1)],
)
def test_unknown_names_and_impossible_numbers(user, group):
    with pytest.raises(identity.IdentityError, match="no such"):
        identity.resolve(user, group)


def test_whoever_asks_to_be_itself_needs_nothing():
    me = Identity(uid=os.getuid(), gid=os.getgid(), groups=tuple(os.getgroups()))
    assert not identity.needed(me).changes
    assert identity.refusal(me) is None
    assert identity.settle(me) is me


def test_a_program_in_path(tmp_path):
    here = pwd.getpwuid(os.getuid()).pw_name
    assert here
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    bad, good = tmp_path / "a" / "tool", tmp_path / "b" / "tool"
    bad.write_text("x")
    env = {"PATH": f"{tmp_path}/a:{tmp_path}/b"}
    fault = locate.find("tool", env, None)
    assert (fault.stage, fault.subject) == (Stage.EXEC, str(bad))
    good.write_text("x")
    good.chmod(0o755)
    assert locate.find("tool", env, None) == locate.Found(str(good))
    assert locate.find("tool", {"PATH": ""}, str(tmp_path / "b")) == locate.Found("./tool")
    assert locate.find("sh", {}, None) in (locate.Found("/bin/sh"), locate.Found("/usr/bin/sh"))


def test_something_odd_is_no_program(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    fault = locate.find(str(tmp_path / "fifo"), {}, None)
    assert fault.cause == "is not a regular file"


def test_a_script_with_an_empty_first_line(tmp_path):
    script = tmp_path / "x"
    script.write_text("#!\n")
    script.chmod(0o755)
    assert locate.why_not(str(script), None) is None


def wishes(**options):
    return chain.Wishes(**({"identity": Identity(), "limits": {}} | options))


def argv(one, program="/bin/x", argv=("/bin/x", "-a")):
    return chain.argv_for(one, label="web.1", program=program, argv=argv, env={})


def test_nothing_to_do():
    assert not wishes().any
    for option in (
        {"identity": Identity(gid=0)},
        {"limits": {"core": (0, 0)}},
        {"death_signal": 9},
        {"closed": (0,)},
    ):
        assert wishes(**option).any


@pytest.mark.skipif(chain.tool("setpriv") is None, reason="needs util-linux: apt-get install util-linux")
def test_limits_come_before_the_rights_to_raise_them_are_given_up():
    full = argv(
        wishes(identity=Identity(uid=5, gid=6, groups=(7, 8)), limits={"core": (0, INF)}, death_signal=1)
    )
    assert full == [
        chain.tool("prlimit"),
        "--core=0:unlimited",
        "--",
        chain.tool("setpriv"),
        "--reuid=5",
        "--regid=6",
        "--groups=7,8",
        "--pdeathsig=HUP",
        "--",
        "/bin/x",
        "-a",
    ]
    assert "--clear-groups" in argv(wishes(identity=Identity(gid=6, groups=())))
    assert "--keep-groups" in argv(wishes(identity=Identity(uid=6)))


def test_a_spec_without_a_command_cannot_be():
    with pytest.raises(ValueError, match="no command"):
        ProcessSpec(label="x", argv=())


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (ExitStatus(code=3), "exit code 3", 3),
        (ExitStatus(signal=9), "killed by SIGKILL", -9),
        (ExitStatus(), "gone", None),
        (ExitStatus(signal=11, core_dumped=True), "killed by SIGSEGV (core dumped)", -11),
        (ExitStatus(signal=63), "killed by signal 63", -63),
    ],
)
def test_an_exit_in_words(status, text, code):
    assert status.describe() == text
    assert status.returncode == code
    assert status.ok == (code == 0)


def test_an_exit_is_one_thing():
    with pytest.raises(ValueError, match="never both"):
        ExitStatus(code=1, signal=2)


@pytest.mark.parametrize("name", ["\0", "\ud800", "no such name at all"])
def test_what_cannot_be_a_name_is_no_such_user_or_group(name):
    with pytest.raises(identity.IdentityError, match="no such user"):
        identity.resolve(name, None)
    with pytest.raises(identity.IdentityError, match="no such group"):
        identity.resolve(None, name)
