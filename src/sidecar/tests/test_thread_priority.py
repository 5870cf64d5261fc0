"""Which threads of the worker go first where processors are short."""

import os
import threading

from sidecar.worker.engines.cpu.inference_threads import InferenceThreads
from sidecar.worker.thread_priority import INFERENCE, lower_this_thread

DEADLINE_SECONDS = 60


def niceness():
    """This thread's."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def on_a_thread(act):
    """What act returns on a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()
    thread.join(DEADLINE_SECONDS)
    return results[0]


def test_a_thread_that_is_lowered_alone_gets_a_higher_niceness():
    def lowered():
        lower_this_thread(3)
        return niceness()

    before = niceness()
    assert on_a_thread(lowered) == min(19, before + 3)
    assert on_a_thread(niceness) == niceness() == before


def test_a_thread_that_is_lowered_again_stays_where_it_is():
    def lowered():
        lower_this_thread(3)
        lower_this_thread(3)
        return niceness()

    assert on_a_thread(lowered) == min(19, niceness() + 3)


def test_the_first_thread_of_a_process_is_never_lowered():
    before = niceness()
    lower_this_thread(3)
    assert niceness() == before


def test_inferences_give_way_to_all_other_threads():
    threads = InferenceThreads(count=1)
    found, is_found = [], threading.Event()

    def look():
        found.append(niceness())
        is_found.set()

    threads.submit(look)
    is_found.wait(DEADLINE_SECONDS)
    threads.stop()
    assert found == [min(19, niceness() + INFERENCE)]
