"""Ask without pause, from several threads, while circusctl reloads the workers; then say how many requests failed."""

import subprocess
import sys
import threading
import urllib.request

URL = "http://127.0.0.1:8000/"
done = threading.Event()
asked, failed = [0], []


def ask():
    while not done.is_set():
        try:
            with urllib.request.urlopen(URL, timeout=10) as answer:
                answer.read()
        except OSError as error:
            failed.append(error)
        asked[0] += 1


threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(3):
    subprocess.run(
        ["circusctl", "--timeout", "30", "reload", "web", "--waiting"], check=True, stdout=subprocess.DEVNULL
    )
done.set()
for thread in threads:
    thread.join()
print(f"{asked[0]} requests during 3 reloads, {len(failed)} failed")
sys.exit(bool(failed))
