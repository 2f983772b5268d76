"""Jobs that a server forks: they see what a new Python would, end as it would, and end with their client."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paths import ROOT
from rlcs.stages import fork_server

SEEN = """
import json, os, random, signal, sys
import neighbour, rlcs, further
print(json.dumps({
    "words": sys.argv, "folder": os.getcwd(), "value": os.environ.get("VALUE"), "name": __name__,
    "input": sys.stdin.read(), "loaded": [name in sys.modules for name in ("trl", "colorsys")],
    "library": neighbour.WHO, "project": rlcs.WHO, "path": further.WHO,
    "random": random.random(),
}))
print("to stderr", file=sys.stderr)
import atexit
atexit.register(print, "left properly")
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The path of the ``python`` that asks a server."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from rlcs.stages import fork_server;"
        "print(fork_server.start('colorsys'), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(ROOT / "workflow_scripts")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        folder = owner.stdout.readline().strip()
        yield os.path.join(folder, "python")
        owner.stdin.close()
        owner.wait(30)
        assert not os.path.exists(folder)


@pytest.fixture
def script(tmp_path):
    (tmp_path / "neighbour.py").write_text("WHO = 'beside the script'\n")
    (tmp_path / "rlcs").mkdir()  # which the server has loaded from elsewhere
    (tmp_path / "rlcs" / "__init__.py").write_text("WHO = 'of the script'\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "further.py").write_text("WHO = 'in PYTHONPATH'\n")
    path = tmp_path / "job"  # as snakemake, which has no suffix
    path.write_text(SEEN)
    return path


@pytest.mark.parametrize(
    ("value", "platform", "gpu", "wanted"),
    [
        ("1", "linux", False, True),
        ("/tmp/rlcs-x", "linux", False, True),
        ("", "linux", False, False),
        ("0", "linux", False, False),
        ("/tmp/rlcs-x", "linux", True, False),
        ("1", "darwin", False, False),
        ("1", "linux", True, False),
    ],
)
def test_a_server_is_for_linux_without_a_gpu(value, platform, gpu, wanted, monkeypatch):
    monkeypatch.setenv(fork_server.VARIABLE, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(fork_server.Path, "exists", lambda path: gpu and str(path) == "/dev/nvidiactl")
    assert fork_server.is_wanted() == wanted


def test_a_server_that_runs_is_not_started_again(monkeypatch):
    monkeypatch.setattr(fork_server, "start", lambda: Path("/tmp/rlcs-new"))
    for value, folder in (("1", "/tmp/rlcs-new"), ("/tmp/rlcs-x", "/tmp/rlcs-x")):
        monkeypatch.setenv(fork_server.VARIABLE, value)
        assert fork_server.program_folder() == Path(folder)


@pytest.mark.slow
def test_a_job_sees_what_a_new_python_would_see(program, script, tmp_path):
    said = []
    for python in (program, sys.executable):
        done = subprocess.run(
            [python, str(script), "3", "{x} '\n"],
            cwd=tmp_path,
            env={**os.environ, "VALUE": "ä", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path / "lib")},
            input="told",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (3, "to stderr\n")
        first, last = done.stdout.splitlines()
        assert last == "left properly"
        said.append(json.loads(first))
    assert said[0].pop("loaded") == [True, True]
    assert said[1].pop("loaded") == [False, False]
    assert said[0].pop("random") != said[1].pop("random")
    assert said[0] == said[1]


@pytest.mark.slow
def test_a_failure_is_a_traceback_and_words_without_a_script_go_to_the_real_python(program, tmp_path):
    (tmp_path / "bad.py").write_text("raise ValueError('the line that counts')\n")
    done = subprocess.run([program, str(tmp_path / "bad.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: the line that counts"
    plain = subprocess.run([program, "-c", "print(1)"], capture_output=True, text=True, check=True)
    assert plain.stdout == "1\n"


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_job_ends_with_its_client(program, tmp_path, name):
    place = tmp_path / "process"
    (tmp_path / "long.py").write_text(
        f"import os, time\nopen({str(place)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    client = subprocess.Popen([program, str(tmp_path / "long.py")], stderr=subprocess.DEVNULL)
    while not (place.exists() and place.read_text()):
        time.sleep(0.02)
    job = int(place.read_text())
    client.send_signal(name)
    assert client.wait() in (-name, 1)  # Ctrl-C ends Python with a traceback or by the signal
    while alive(job):
        time.sleep(0.02)
