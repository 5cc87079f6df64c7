"""What runs on every Python without starting anything."""

import threading

from circus.arbiter import Arbiter


def test_a_thread_of_this_python_has_none_of_an_arbiter_s_private_names(tmp_path):
    """`ThreadedArbiter` is both: Python 3.13 gave its threads an attribute `_handle`, which hid a method of that name."""
    arbiter = Arbiter([], f"ipc://{tmp_path}/c", f"ipc://{tmp_path}/p")
    ours = {*vars(arbiter), *vars(Arbiter)}
    theirs = {*vars(threading.Thread()), *vars(threading.Thread)}
    assert {name for name in ours & theirs if name.startswith("_") and not name.startswith("__")} == set()
