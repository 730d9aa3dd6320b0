"""Measure for how long work keeps the interpreter from other threads."""

import gc
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import orjson

#: No request may keep the interpreter for longer (docs/reliability.md). One that computes in Python hands it over
#: every few milliseconds; a single call into C does not.
LONGEST_HOLD_SECONDS = 0.05
#: The time between two looks of the witness.
LOOK_SECONDS = 0.002
#: The least of these rounds counts: what else runs on the machine can only make a stretch look longer.
ROUNDS = 3
#: A call into C, and the CPU that it takes on the machine of docs/reliability.md without other work.
REFERENCE_BODY = b"[" + b'{"a":{"b":1}},' * 20_000 + b"0]"
REFERENCE_SECONDS = 0.006


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU of this thread that `work` used, in seconds."""
    before = time.thread_time()
    work()
    return time.thread_time() - before


def longest_hold(work: Callable[[], object]) -> float:
    """Return the longest stretch of CPU, in seconds, that `work` used while no other thread had the interpreter.

    On a slow machine, or beside other work that shares the processor, the seconds are those of a usual one.
    """
    # The collector skips objects that exist already, as in the web server.
    gc.collect()
    gc.freeze()
    try:
        return min(_longest_hold(work) / _slowness() for _ in range(ROUNDS))
    finally:
        gc.unfreeze()


def _slowness() -> float:
    """Return how many times as long as usual a call into C takes now, and 1 where it takes less."""
    return max(1, min(cpu_seconds(lambda: orjson.loads(REFERENCE_BODY)) for _ in range(ROUNDS)) / REFERENCE_SECONDS)


def _longest_hold(work: Callable[[], object]) -> float:
    """Look at the CPU time of this thread from another one, which needs the interpreter for each look."""
    clock = time.pthread_getcpuclockid(threading.get_ident())
    looks: list[float] = []
    is_ready, is_over = threading.Event(), threading.Event()

    def witness() -> None:
        while not is_over.is_set():
            looks.append(time.clock_gettime(clock))
            is_ready.set()
            time.sleep(LOOK_SECONDS)
        looks.append(time.clock_gettime(clock))

    thread = threading.Thread(target=witness)
    thread.start()
    is_ready.wait()
    try:
        work()
    finally:
        is_over.set()
        thread.join()
    return max(after - before for before, after in pairwise(looks))
