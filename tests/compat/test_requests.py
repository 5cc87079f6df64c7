from concurrent.futures import ThreadPoolExecutor

import pytest
from corpus import COMMANDS, GROUPS
from differences import REQUESTS

from daemons import Daemon
from differential import compare, run_group

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.reference, pytest.mark.timeout(120)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.id)
def test_both_daemons_answer_alike(sides, group, subtests):
    def answers(side):
        with Daemon(sides.folder / side, group.config, program=getattr(sides, side) / "circusd") as daemon:
            return run_group(daemon, group)

    with ThreadPoolExecutor(2) as both:
        reference, ours = both.map(answers, ("reference", "ours"))
    differences = {} if sides.itself else REQUESTS
    for case in group.cases:
        with subtests.test(case.id):
            problems = compare(case.id, reference[case.id], ours[case.id], differences)
            if problems:
                pytest.fail("\n".join(problems), pytrace=False)


def test_the_corpus_is_whole():
    cases = [case for group in GROUPS for case in group.cases]
    assert len({case.id for case in cases}) == len(cases) >= 120
    asked = {
        str(frame["command"]).lower() for case in cases for frame in case.frames if isinstance(frame, dict)
    }
    assert asked >= set(COMMANDS) - {"ipython"}  # it would open a shell in the daemon
    assert set(REQUESTS) <= {case.id for case in cases}
