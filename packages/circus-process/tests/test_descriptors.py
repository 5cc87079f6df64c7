"""Descriptors are counted, and kept for those who cannot do without."""

import os
import resource

import pytest

from circus.process import LocalSpawner, ProcessSpec, SpawnError, Stage, descriptors


def test_what_is_kept_free_is_not_spawned_with():
    spawner, free = LocalSpawner(), descriptors.free()
    spawner.keep_free(lambda limit: free + 1)
    with pytest.raises(SpawnError) as caught:
        spawner.spawn(ProcessSpec(label="a.1", argv=("true",), env={}), watch=False)
    assert caught.value.retryable
    assert caught.value.stage is Stage.OPEN_PIPES
    assert "too many open files" in caught.value.cause
    assert "LimitNOFILE" in caught.value.cause


def test_free_descriptors_are_counted():
    before = descriptors.free()
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    assert before - descriptors.free() == 5
    for fd in held:
        os.close(fd)
    assert descriptors.free() == before


@pytest.fixture
def low_limit():
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, old)


def test_where_low_numbers_are_used_up_the_limit_is_not_lowered_for_a_fork(low_limit, spawner, output):
    """Otherwise a thread that accepts a connection in that moment would find no descriptor."""
    spawner.raise_nofile()
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(256)]
    try:
        assert spawner._is_crowded()
        assert output("ulimit -Sn") == b"256\n"
        assert output("ulimit -Sn", limits={"nofile": (300, 400)}) == b"300\n"
    finally:
        for fd in held:
            os.close(fd)
    assert not spawner._is_crowded()
