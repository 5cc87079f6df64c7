import io
import json
import logging
import socket

import pytest

from circus.config.logs import configure_logger


@pytest.fixture
def logger():
    made = logging.getLogger("circus_test_logger")
    yield made
    for handler in list(made.handlers):
        made.removeHandler(handler)
        handler.close()
    made.propagate = True
    made.setLevel(logging.NOTSET)


def test_the_root_logger_is_left_alone(logger, tmp_path):
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    configure_logger(logger, "DEBUG", str(tmp_path / "log"))
    logger.debug("hello")
    assert (root.level, root.handlers) == before
    line = (tmp_path / "log").read_text()
    assert "circus_test_logger[" in line
    assert line.endswith("] [DEBUG] hello\n")


def test_again_replaces_ours_and_keeps_others(logger, tmp_path):
    other = logging.StreamHandler(io.StringIO())
    logger.addHandler(other)
    configure_logger(logger, "info", str(tmp_path / "one"))
    configure_logger(logger, "nonsense", str(tmp_path / "two"), "default", "shown%")
    logger.info("x")
    assert (tmp_path / "one").read_text() == ""
    assert " shown%[" in (tmp_path / "two").read_text()
    assert other in logger.handlers
    assert len(logger.handlers) == 2


def test_standard_error(logger, capsys):
    configure_logger(logger)
    logger.info("to stderr")
    logger.debug("not at this level")
    assert capsys.readouterr().err.count("\n") == 1


def test_syslog_by_network_and_by_path(logger, tmp_path):
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        configure_logger(logger, "info", f"syslog://127.0.0.1:{server.getsockname()[1]}?daemon")
        logger.info("by network")
        assert server.recv(999).startswith(b"<30>")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "s"))
        server.settimeout(5)
        configure_logger(logger, "info", f"syslog://{tmp_path}/s")
        logger.info("by path")
        assert b"by path" in server.recv(999)
    with pytest.raises(ValueError, match="'nope' is not a syslog facility"):
        configure_logger(logger, "info", "syslog://localhost?nope")


def configuration(path):
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"h": {"class": "logging.FileHandler", "filename": str(path)}},
        "loggers": {"circus_test_logger": {"handlers": ["h"], "level": "INFO", "propagate": False}},
    }


def test_a_mapping(logger, tmp_path):
    configure_logger(logger, loggerconfig=configuration(tmp_path / "log"))
    logger.info("x")
    assert (tmp_path / "log").read_text() == "x\n"


def test_json(logger, tmp_path):
    file = tmp_path / "log.json"
    file.write_text(json.dumps(configuration(tmp_path / "log")))
    configure_logger(logger, loggerconfig=file)
    logger.info("x")
    assert (tmp_path / "log").read_text() == "x\n"


def test_yaml(logger, tmp_path):
    file = tmp_path / "log.yaml"
    file.write_text(json.dumps(configuration(tmp_path / "log")))  # JSON is YAML
    try:
        import yaml  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="without PyYAML: pip install PyYAML"):
            configure_logger(logger, loggerconfig=str(file))
    else:
        configure_logger(logger, loggerconfig=str(file))
        logger.info("x")
        assert (tmp_path / "log").read_text() == "x\n"


def test_ini(logger, tmp_path):
    file = tmp_path / "log.ini"
    file.write_text(
        "[loggers]\nkeys=root,c\n[handlers]\nkeys=h\n[formatters]\nkeys=f\n[formatter_f]\nformat=%(message)s!\n"
        f"[handler_h]\nclass=FileHandler\nargs=({str(tmp_path / 'log')!r},)\nformatter=f\n"
        "[logger_root]\nhandlers=\n[logger_c]\nqualname=circus_test_logger\nlevel=INFO\npropagate=0\nhandlers=h\n"
    )
    root = logging.getLogger()
    handlers = list(root.handlers)
    level = root.level
    try:
        configure_logger(logger, loggerconfig=str(file))
        logger.info("x")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert (tmp_path / "log").read_text() == "x!\n"


def test_what_is_none_of_them(logger):
    with pytest.raises(ValueError, match=r"ends in \.ini, \.json or \.yaml"):
        configure_logger(logger, loggerconfig="/etc/log.txt")


def test_a_file_that_cannot_be_opened(logger, tmp_path):
    with pytest.raises(FileNotFoundError):
        configure_logger(logger, "info", str(tmp_path / "no" / "log"))
