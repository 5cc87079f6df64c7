import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from circus.plugins.http_observer import NO_ANSWER, ask, checked_url


class Pages(BaseHTTPRequestHandler):
    ill = False

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/")
        else:
            self.send_response(503 if self.path == "/ill" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_is_there_moved_or_ill(server):
    assert ask(f"{server}/", timeout=10).code == 200
    assert ask(f"{server}/moved", timeout=10).is_good
    ill = ask(f"{server}/ill", timeout=10)
    assert (ill.code, ill.is_good) == (503, False)


def test_nobody_answers():
    answer = ask("http://127.0.0.1:1/", timeout=10)
    assert (answer.code, answer.is_good) == (NO_ANSWER, False)


def test_only_the_web_is_asked():
    for url in ("file:///etc/passwd", "ftp://h/", "localhost"):
        with pytest.raises(ValueError, match="check_url must start with http"):
            checked_url(url)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_server_is_observed_and_a_watcher_restarted(circusd, statsd, server):
    config = f"""
[watcher:web]
cmd = sleep 1000
[plugin:well]
use = circus.plugins.http_observer.HttpObserver
check_url = {server}/
loop_rate = 0.1
port = {statsd.port}
restart_on_error = web
[plugin:ill]
use = circus.plugins.http_observer.HttpObserver
application_name = ill
check_url = {server}/ill
loop_rate = 0.1
port = {statsd.port}
restart_on_error = web
"""
    with circusd(config) as daemon, daemon.events("watcher.web.") as events:
        head = "circus.http_observer.watcher.http_stats"
        assert statsd.wait_for("request_time").startswith(f"{head}.request_time:")
        statsd.wait_for("circus.ill.watcher.http_stats.error.503:1|c")
        statsd.wait_for("circus.ill.watcher.http_stats.restart_on_error:1|c")
        events.wait_for(lambda event: event.name == "reap", deadline=40)
        assert not any(line.startswith(f"{head}.error") for line in statsd.seen)
