"""`vllm serve` as a child of the job: on a free port, awaited, logged, and ended with the job."""

import atexit
import json
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import openai

from rlcs.config.endpoints import ServingConfig
from rlcs.errors import InputError, TransientError
from rlcs.stages.children import clean_environment, die_with_parent, free_port, reach_directly

log = logging.getLogger("rlcs")

# Only the token ids of a model's generation_config are used, as in process (``load_causal``).
_NEUTRAL = {"generation_config": "vllm"}

ADDRESS = "127.0.0.1"  # a process that did not start the server calls ``reach_directly`` before it asks it

ATTEMPTS = 3  # another job of the node may take the port between its choice and its use


def start_server(
    model: Path, name: str, arguments: Mapping[str, Any], serving: ServingConfig, *, gpus: int = 0
) -> str:
    """Serve a model, and wait until it answers.

    Args:
        model: a folder as ``save_pretrained`` leaves it.
        name: the served model's name. It must differ from all others: it tells our server from that of
            another job that happens to have the port.
        arguments: options of `vllm serve`, in its names with underscores; True and False are flags.
        gpus: how many of this process's GPUs the server gets, the last ones; 0: it shares all of them.

    Returns:
        The URL of the server, under which ``/v1`` is its API. It ends with this process. The file that it
        prints to is removed then, unless the server has ended before: then the log says how.

    Raises:
        InputError: the server ended or did not answer in time; the message has its last lines.
    """
    reach_directly(ADDRESS)
    environment = {**clean_environment(), **serving.environment, **_give_away(gpus)}
    for attempt in range(1, ATTEMPTS + 1):
        port = free_port()
        command = [*serving.command, "serve", str(model), *_flags({**arguments, **_NEUTRAL})]
        command += ["--host", ADDRESS, "--port", str(port), "--served-model-name", name]
        with tempfile.NamedTemporaryFile(prefix="rlcs-vllm-", suffix=".log", delete=False) as file:
            printed = Path(file.name)
            log.info("serving %s: %s; it prints to %s", name, " ".join(command), printed)
            try:
                server = subprocess.Popen(
                    command,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    preexec_fn=die_with_parent,
                )
            except OSError as error:
                printed.unlink()
                raise InputError(
                    f"vLLM cannot be started: {error}; serving.command is {serving.command}"
                ) from None
        end = atexit.register(partial(_end, server, name, printed))
        url = f"http://{ADDRESS}:{port}"
        if _await(server, url, name, serving.startup_timeout):
            return url
        ended = server.poll()
        atexit.unregister(end)
        _stop(server)
        is_taken = "address already in use" in printed.read_text(encoding="utf-8", errors="replace").lower()
        if attempt == ATTEMPTS or not is_taken:
            break
        printed.unlink()
    what = f"ended with {ended}" if ended is not None else f"is silent after {serving.startup_timeout:g} s"
    raise TransientError(f"vLLM's server of {name} {what}; {_last_lines(printed)}")


def stored_dtype(model: Path) -> str:
    """vLLM's ``dtype`` for a model: float32 if its files are, which vLLM would round; else auto."""
    file = model / "config.json"
    config = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return "float32" if config.get("dtype") == "float32" else "auto"


def server_version(url: str) -> str:
    """Version of the vLLM behind a URL of ``start_server``.

    Raises:
        InputError: the server does not tell it.
    """
    client = openai.OpenAI(api_key="EMPTY", base_url=url, timeout=60, max_retries=2)
    try:
        return str(client.get("/version", cast_to=dict[str, str])["version"])
    except (openai.APIError, KeyError, TypeError) as error:
        raise TransientError(f"{url}/version does not tell vLLM's version: {error!r}") from None


def _await(server: subprocess.Popen[bytes], url: str, name: str, seconds: float) -> bool:
    """True as soon as our server answers; False if it ends or the time is over before."""
    client = openai.OpenAI(api_key="EMPTY", base_url=f"{url}/v1", timeout=5, max_retries=0)
    deadline = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if name in [model.id for model in client.models.list()]:
                return True
        except openai.APIError:
            pass
        time.sleep(0.2)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server by SIGTERM, on which vLLM ends its engine's processes too, or after 30 s by SIGKILL."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end(server: subprocess.Popen[bytes], name: str, printed: Path) -> None:
    """End the server and remove what it printed; if it has ended by itself, say how, and keep the file."""
    if (ended := server.poll()) is not None:
        log.error("vLLM's server of %s ended with %s before the job; %s", name, ended, _last_lines(printed))
        return
    _stop(server)
    printed.unlink(missing_ok=True)


def _last_lines(printed: Path) -> str:
    lines = printed.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"its last lines ({printed}):\n" + "\n".join(lines[-15:])


def _flags(arguments: Mapping[str, Any]) -> list[str]:
    flags = []
    for key, value in arguments.items():
        option = key.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{option}" if value else f"--no-{option}")
        else:
            flags += [f"--{option}", str(value)]
    return flags


def _give_away(gpus: int) -> dict[str, str]:
    """Environment that gives the server its GPUs; this process keeps the others.

    The process must not have touched a GPU yet.

    Raises:
        InputError: the job has fewer GPUs than the server and the training processes of this node need.
    """
    if not gpus:
        return {}
    visible = _visible_gpus()
    trainers, server = split_gpus(visible, gpus, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(trainers)
    return {"CUDA_VISIBLE_DEVICES": ",".join(server)}


def _visible_gpus() -> list[str]:
    """The numbers or names of this process's GPUs; without CUDA_VISIBLE_DEVICES it has all of the machine."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return named.split(",")
    import torch  # here, since it takes a while

    return [str(number) for number in range(torch.cuda.device_count())]


def split_gpus(visible: Sequence[str], served: int, trainers: int = 1) -> tuple[list[str], list[str]]:
    """GPUs of the node's trainers, one for each, and the last ``served``, which are the server's.

    Raises:
        InputError: there are fewer GPUs.
    """
    gpus = [gpu for gpu in visible if gpu]
    if len(gpus) < trainers + served:
        raise InputError(
            f"a server of {served} GPUs (serving.gpus, serving.rollouts.gpus) leaves "
            f"{max(len(gpus) - served, 0)} of the job's {len(gpus)} ({','.join(gpus) or 'none'}) to "
            f"{trainers} training processes: ask for more, launch or serve with fewer"
        )
    return gpus[:-served], gpus[-served:]
