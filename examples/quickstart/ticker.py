"""A worker that says something once a second until it is told to stop."""

import signal
import sys
import threading


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    worker = sys.argv[1] if len(sys.argv) > 1 else "?"
    count = 0
    while not stop.wait(1.0):
        count += 1
        print(f"worker {worker}: tick {count}")
    print(f"worker {worker}: stopped after {count} ticks")


if __name__ == "__main__":
    main()
