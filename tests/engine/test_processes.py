"""Several processes: meeting, exchanging, failing as one; then trainings by Paddle's launcher."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import paddle
import pytest
from paddle.base import core

from paddle_ann.engine import STOPPED, processes, store, watch
from paddle_ann.engine.processes import Group, OtherProcessFailed
from paddle_ann.engine.signals import StopSignals
from tests.engine import toy

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "tests/engine/job.py"

# -- groups of threads, each with its own connection to a store -----------------------------------


@pytest.fixture(scope="module")
def server():
    """A store as process 0 has it."""
    port = core_port()
    return core.TCPStore("127.0.0.1", port, True, 0, 20), port


def core_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def together(server, monkeypatch, request):
    """Run a function in a group of n threads that take themselves for processes."""

    def connect(prefix):
        connection = core.TCPStore("127.0.0.1", server[1], False, 0, 20)
        return store.Store(connection, f"{request.node.name}/{prefix}")

    monkeypatch.setattr(store, "connect", connect)
    monkeypatch.setattr(store, "address", lambda: ("127.0.0.1", server[1]))
    monkeypatch.setattr(watch, "PERIOD_S", 0.02)
    monkeypatch.setattr(watch, "SILENCE_S", 0.8)
    monkeypatch.setattr(watch, "GRACE_S", 60.0)
    monkeypatch.setattr(processes, "LINGER_S", 0.2)
    monkeypatch.setattr(processes, "GOODBYE_S", 0.5)
    monkeypatch.setattr(paddle.distributed, "init_parallel_env", lambda: None)

    def run(function, world=3):
        results: list = [None] * world

        def one(rank):
            try:
                with Group(world, rank) as group:
                    results[rank] = function(group)
            except Exception as error:
                results[rank] = error

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(world)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        return results

    return run


def test_alone():
    with Group() as group:
        assert group.meet(True) and not group.meet(False)
        assert group.gather("x") == ["x"] and group.share(5) == 5 and group.mean(7.0) == 7
        assert group.of_main(lambda: 3) == 3
        assert group.parallel(paddle.nn.Linear(2, 3)) is None
        group.make_equal([])
        group.listen(StopSignals())
    assert processes.size() == (1, 0) and processes.connect() is processes.connect()


def test_a_flag_of_one_is_known_to_all_in_the_same_meeting(together):
    raised = {(0, 2), (2, 3), (1, 3), (1, 6)}  # (rank, meeting)

    def work(group):
        return [group.meet((group.rank, meeting) in raised) for meeting in range(8)]

    expected = [meeting in (2, 3, 6) for meeting in range(8)]
    assert together(work) == [expected] * 3


def test_nobody_goes_on_alone(together):
    arrived = []

    def work(group):
        time.sleep(0.2 * group.rank)
        arrived.append(group.rank)
        group.meet()
        return len(arrived)

    assert together(work) == [3, 3, 3]


def test_exchange(together):
    def work(group):
        found = [group.gather((group.rank, time)) for time in range(3)]
        made = group.of_main(lambda: f"made by {group.rank}")
        return found, group.share(group.rank * 2 + 5), made, group.mean(group.rank)

    gathered = [[(rank, time) for rank in range(3)] for time in range(3)]
    assert together(work) == [(gathered, 5, "made by 0", 1.0)] * 3


@pytest.mark.parametrize("rank", [0, 2])
def test_an_error_of_one_ends_all_and_names_it(together, rank):
    def work(group):
        if group.rank == rank:
            raise ValueError("mine")
        group.meet()

    found = together(work)
    assert repr(found.pop(rank)) == "ValueError('mine')"
    assert [type(error) for error in found] == [OtherProcessFailed] * 2
    assert {str(error) for error in found} == {f"Process {rank} of 3 failed: ValueError: mine"}


@pytest.mark.parametrize("rank", [0, 2])
def test_silence_of_one_ends_all_and_names_it(together, rank):
    def work(group):
        if group.rank == rank:
            group.watch.close()  # its heart stops
            time.sleep(1.3)
            return "silent"
        group.meet()

    found = together(work)
    assert found.pop(rank) == "silent"
    assert [str(error)[:22] for error in found] == [f"Process {rank} of 3 is gone"] * 2


def test_a_broken_connection_is_told_by_its_cause(together):
    def work(group):
        if group.rank == 1:
            raise ValueError("mine")
        raise RuntimeError("[gloo/transport/tcp/pair.cc:584] TIMEOUT")

    found = together(work, world=2)
    assert str(found[0]) == "Process 1 of 2 failed: ValueError: mine"


def test_a_broken_connection_to_a_process_that_told_nothing(together, monkeypatch):
    monkeypatch.setattr(watch, "SILENCE_S", 60.0)
    monkeypatch.setattr(watch, "LOOK_S", 0.3)

    def work(group):
        if group.rank == 2:
            group.watch.close()
            time.sleep(1.2)
            return
        time.sleep(0.3)
        raise RuntimeError("[gloo/transport/tcp/pair.cc:584] TIMEOUT")

    found = together(work)
    assert [str(error)[:22] for error in found[:2]] == ["Process 2 of 3 is gone"] * 2


def test_a_store_that_does_not_answer(together, monkeypatch):
    """As when process 0 is stopped: calls do not come back."""
    monkeypatch.setattr(watch, "ANSWER_S", 0.1)
    answer = threading.Event()

    def work(group):
        if group.rank == 0:
            return group.gather(0)
        group.watch._store.add = lambda name, amount: answer.wait(20)
        time.sleep(1.2)
        group.gather(1)

    found = together(work, world=2)
    answer.set()
    assert str(found[1]).startswith("Process 0 of 2 is gone")


def test_slow_is_not_silent(together):
    def work(group):
        if group.rank == 0:
            time.sleep(1.6)  # twice SILENCE_S
        return group.meet()

    assert together(work) == [False] * 3


def test_a_second_job_begins_anew(together):
    assert together(lambda group: (group.gather(1), group.meet())) == [([1, 1, 1], False)] * 3


def test_signals_do_not_break_the_store(server, request):
    """Without a mask Paddle's client fails with 'Interrupted system call' in one of few signals."""
    connection = core.TCPStore("127.0.0.1", server[1], False, 0, 20)
    kept = store.Store(connection, f"{request.node.name}/")
    kept.add("n", 0)
    assert store.hasten(server[1]) >= 2
    received = []
    before = signal.signal(signal.SIGALRM, lambda *_: received.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    try:
        values = [kept.add("n", 1) for _ in range(1000)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert values == list(range(1, 1001)) and len(received) > 20
    kept.set("bytes", b"\x00\xff{}")
    assert kept.get("bytes") == b"\x00\xff{}"


def test_a_call_is_fast(server, request):
    """44 ms without TCP_NODELAY, and there are several in each iteration."""
    kept = store.Store(core.TCPStore("127.0.0.1", server[1], False, 0, 20), request.node.name)
    kept.add("n", 1)
    store.hasten(server[1])
    start = time.monotonic()
    for _ in range(20):
        kept.add("n", 1)
    assert time.monotonic() - start < 0.4


def test_the_launchers_three_sigterms_are_one():
    code = (
        "import os, signal, time, sys\n"
        "from paddle_ann.engine.signals import StopSignals\n"
        "with StopSignals() as stop:\n"
        "    for _ in range(3): os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print(stop.received, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert (done.stdout, done.returncode) == (b"SIGTERM\n", 128 + signal.SIGINT)


def test_a_folder_that_another_process_makes_at_the_same_moment(tmp_path, monkeypatch):
    mkdir = sys.modules["paddleseg.core.predict"].mkdir
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(os.path, "exists", lambda path: False)  # PaddleSeg looked before it was
    mkdir(str(tmp_path / "out/a.png"))


# -- processes by the launcher --------------------------------------------------------------------


def command(out: Path, *script: str, nproc: int = 2, more: tuple[str, ...] = ()) -> list[str]:
    launcher = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", str(nproc)]
    return [*launcher, "--log_dir", f"{out}_log", *more, *map(str, script)]


def call(words: list[str]) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=400)


def launch(root: Path, out: Path, nproc: int = 2, **options) -> subprocess.CompletedProcess:
    return call(command(out, JOB, root, out, json.dumps(options), nproc=nproc))


def alone(root: Path, out: Path, **options) -> dict:
    done = call([sys.executable, str(JOB), str(root), str(out), json.dumps(options)])
    assert done.returncode == 0, done.stderr
    return json.loads((out / "found.0.json").read_text())


def found(out: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(out.glob("found.*.json"))]


def worker(out: Path, rank: int) -> str:
    return Path(f"{out}_log/workerlog.{rank}").read_text(errors="replace")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "voc"
    toy.dataset(root)
    return root


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory) -> Path:
    """An uninterrupted training of two processes."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = launch(root, out, iters=8)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_two_processes_end_with_the_same_weights(root, whole):
    first, second = found(whole)
    assert first == second
    assert worker(whole, 0).count("[TRAIN]") == 4
    assert not {"[TRAIN]", "[EVAL]"} & set(worker(whole, 1).split())
    assert len(list(whole.glob("vdlrecords.*"))) == 1
    assert sorted(path.name for path in whole.glob("iter_*")) == ["iter_3", "iter_6", "iter_8"]


@pytest.mark.slow
@pytest.mark.parametrize(("images", "nproc"), [(7, 2), (7, 3), (1, 2)])
def test_the_counts_are_those_of_one_process(root, tmp_path, images, nproc):
    expected = alone(root, tmp_path / "one", images=images)["counts"]
    done = launch(root, tmp_path / "out", nproc=nproc, images=images)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["counts"] for one in found(tmp_path / "out")] == [expected] * nproc


def assert_ended_alike(one: Path, other: Path) -> None:
    assert found(one) == found(other)
    toy.assert_same(toy.arrays(one / "iter_8"), toy.arrays(other / "iter_8"))
    for name in ("best_model/model.pdparams", "ema_best_model/ema_model.pdparams"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_stops_all_and_resuming_is_exact(root, whole, tmp_path, rank):
    out = tmp_path / "out"
    stopped = launch(root, out, iters=8, fault=f"signal@{rank}")
    assert stopped.returncode == STOPPED, stopped.stdout
    assert [path.name for path in sorted(out.glob("iter_*"))] == ["iter_3", "iter_5"]
    resumed = launch(root, out, iters=8, seed=99, resume_model="auto")
    assert resumed.returncode == 0, resumed.stdout
    assert_ended_alike(whole, out)


@pytest.mark.slow
def test_a_signal_in_an_evaluation(root, whole, tmp_path):
    """It ends at once: the checkpoint is there, and the evaluation is made up for."""
    out = tmp_path / "out"
    stopped = launch(root, out, iters=8, fault="evaluation@1")
    assert stopped.returncode == STOPPED, stopped.stdout
    assert [path.name for path in out.glob("iter_*")] == ["iter_3"]
    assert not (out / "best_model").exists()
    resumed = launch(root, out, iters=8, seed=99, resume_model="auto")
    assert resumed.returncode == 0, resumed.stdout
    assert_ended_alike(whole, out)


@pytest.mark.slow
def test_a_signal_to_the_launcher(root, tmp_path):
    out = tmp_path / "out"
    words = command(out, JOB, root, out, json.dumps({"iters": 4000}))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (out / "iter_6").exists() and time.monotonic() < end:
        time.sleep(0.1)
    process.terminate()
    process.wait(60)
    text = worker(out, 0)
    assert "Stopped by SIGTERM after iteration" in text, text[-2000:]
    at = int(text.split("Stopped by SIGTERM after iteration ")[1].split(",")[0])
    assert (out / f"iter_{at}/model.pdparams").exists()
    resumed = launch(root, out, iters=at + 1, resume_model="auto")
    assert resumed.returncode == 0, resumed.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise@1", "a fault of mine"),
        ("raise@0", "a fault of mine"),
        ("kill@1", "rank 1 status failed"),
        ("kill@0", "rank 0 status failed"),
        ("exit@1", "code 3"),
        ("hang@1", "Process 1 of 2 is gone"),
        ("hang@0", "Process 0 of 2 is gone"),
    ],
)
def test_a_process_that_dies_ends_the_job_with_a_reason(root, tmp_path, fault, reason):
    out = tmp_path / "out"
    done = launch(root, out, iters=8, fault=fault)
    lasted = time.time() - float((out / "fault_time").read_text())
    assert done.returncode not in (0, STOPPED)
    console = done.stdout + done.stderr
    assert reason in console, console[-3000:]
    assert lasted < 60
    assert [path.name for path in out.glob("iter_*")] == ["iter_3"]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_resume_with_another_number_of_processes(root, tmp_path, before, after):
    out = tmp_path / "out"
    for nproc, more in ((before, {"iters": 3}), (after, {"iters": 8, "resume_model": "auto"})):
        done = (
            launch(root, out, **more)
            if nproc == 2
            else call([sys.executable, str(JOB), str(root), str(out), json.dumps(more)])
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"of {before} processes and this training has {after}" in done.stdout
    assert (out / "iter_8").exists()


@pytest.mark.slow
def test_two_nodes(root, whole, tmp_path):
    """Two launchers of one process each, as on two machines, do what one launcher of two does."""
    out, port = tmp_path / "out", core_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    nodes = []
    for rank in range(2):
        more = ("--nnodes", "2", "--master", f"127.0.0.1:{port}", "--rank", str(rank))
        words = command(
            tmp_path / f"node{rank}", JOB, root, out, '{"iters": 8}', nproc=1, more=more
        )
        pipe = subprocess.PIPE
        nodes.append(subprocess.Popen(words, env=environment, stdout=pipe, text=True))
    texts = [node.communicate(timeout=300)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], texts
    assert_ended_alike(whole, out)


@pytest.mark.slow
def test_bytes_of_a_step(root, tmp_path):
    """In a network of their own, two processes send the gradients once each, and little else."""
    if subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], check=False).returncode:
        pytest.skip("this system gives no network of one's own")
    counted = []
    for iters in (2, 22):
        out = tmp_path / f"out{iters}"
        options = {"iters": iters, "wide": True, "save_interval": 100}
        words = command(out, JOB, root, out, json.dumps(options))
        script = f"ip link set lo up && {shlex.join(words)} && grep lo: /proc/net/dev"
        done = call(["unshare", "-rn", "sh", "-c", script])
        assert done.returncode == 0, done.stdout + done.stderr
        counted.append(int(done.stdout.rsplit("lo:", 1)[1].split()[8]))
    gradients = int(done.stdout.split("bytes of gradients: ")[1].split()[0])
    sent = (counted[1] - counted[0]) / 20 / 2
    print(f"\ngradients {gradients} bytes, sent per process and step {sent:.0f} bytes")
    assert gradients < sent < 1.05 * gradients


@pytest.mark.slow
def test_the_tools(tmp_path):
    """train.py, val.py and predict.py as they are; more processes than images to predict."""
    from paddle_ann.datasets import toy_voc

    data = tmp_path / "voc"
    toy_voc.generate(data, num_train=8, num_val=5, size=(48, 48))
    config = ["--config", ROOT / "configs/ann/ann_resnet18_os8_toyvoc_96x96_500.yml"]
    options = ["--opts", f"train_dataset.dataset_root={data}", f"val_dataset.dataset_root={data}"]
    weights = ["--model_path", tmp_path / "run/best_model"]

    def tool(name, *more, together=True):
        script = [ROOT / f"tools/{name}.py", *config, *more, *options]
        words = [sys.executable, *map(str, script)]
        done = call(command(tmp_path / name, *script) if together else words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    tool("train", "--iters", 2, "--batch_size", 2, "--do_eval", "--save_dir", tmp_path / "run")
    tool("val", *weights, "--save_json", tmp_path / "two.json")
    tool("val", *weights, "--save_json", tmp_path / "one.json", "--batch_size", 3, together=False)
    assert (tmp_path / "two.json").read_text() == (tmp_path / "one.json").read_text()
    images = sorted((data / "VOC2012/JPEGImages").glob("*.jpg"))
    for number, count in enumerate((1, 3)):
        listed, to = tmp_path / f"list{number}.txt", tmp_path / f"to{number}"
        listed.write_text("".join(f"{path}\n" for path in images[:count]))
        tool("predict", *weights, "--image_path", listed, "--save_dir", to)
        assert len(list((to / "pseudo_color_prediction").rglob("*.png"))) == count
