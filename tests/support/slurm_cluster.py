"""A real Slurm on this machine: a controller, and two nodes that claim far more than the machine has.

Everything lies in a folder of its own, listens on loopback only and ends with the context, except Slurm's two
files in /etc/slurm: the executor's job step clears SLURM_CONF, so that no other place is looked at.
"""

import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

from debian import install
from endpoint_server import free_port

ETC = Path("/etc/slurm")
MARK = "# Written by the tests of RLCS, and removed by them."
PACKAGES = ("slurm-wlm", "munge")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
GPUS = 8
NODES = {"n1": "a100", "n2": "h100"}  # and what their GPUs are

CONF = """{mark}
ClusterName=rlcs
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
# credentials last for as long as a job that is queued again has to wait
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
# no cgroups: containers seldom have them
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# without it a job that asks for no memory takes a whole node
DefMemPerCPU=100
GresTypes=gpu
# nodes are what is claimed here, not what this machine has
SlurmdParameters=config_overrides
ReturnToService=2
# squeue forgets no job of a test
MinJobAge=3600
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=4-0
PartitionName=gpu Nodes=ALL MaxTime=4-0
"""


def unavailable():
    """Why no Slurm can be started here; None where one can. Installs the packages where they are missing."""
    if "SLURM_CONF" in os.environ:
        return f"SLURM_CONF names a real cluster, {os.environ['SLURM_CONF']}: it is left alone"
    if os.geteuid() != 0:
        return "needs root: Slurm's files must be in /etc/slurm"
    conf = ETC / "slurm.conf"
    if conf.exists() and not conf.read_text().startswith(MARK):
        return f"{conf} is a real cluster's: this machine's Slurm is left alone"
    if missing():
        said = install(*PACKAGES)
        if missing():
            return f"{', '.join(missing())} not found; {said}"
    return None


def missing():
    return [program for program in PROGRAMS if not shutil.which(program)]


class Slurm:
    """A context in which Slurm's commands work."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons = []

    def __enter__(self):
        try:
            self._write()
            # by force: it wants its socket open to all, and the tests' folder is not
            self._start("munged", "--foreground", "--force", *self._munge_files())
            _await(lambda: (self.folder / "munge.socket").exists(), "munged", self.folder)
            self._start("slurmctld", "-D", "-c")
            for node in NODES:
                self._start("slurmd", "-D", "-N", node)
            idle = f"idle {len(NODES)}"
            _await(lambda: self.say("sinfo", "-h", "-o", "%T %D") == idle, "nodes", self.folder)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if len(self.daemons) == 2 + len(NODES):
                subprocess.run(["scancel", "--quiet", "--full", "--user=root"], check=False, timeout=30)
                _await(lambda: self.say("squeue", "-h") == "", "jobs to end", self.folder)
        finally:
            for daemon in reversed(self.daemons):
                daemon.terminate()
            for daemon in reversed(self.daemons):
                daemon.wait(30)
            for name in ("slurm.conf", "gres.conf"):
                (ETC / name).unlink(missing_ok=True)

    def say(self, *command):
        """What a command prints; empty where it fails, as while the controller starts."""
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout.strip()

    def do(self, *command):
        """Raises CalledProcessError where Slurm refuses."""
        subprocess.run(command, timeout=60, check=True)

    def jobs(self):
        """Slurm's own record of every job, in the order of submission: {field: value}."""
        records = self.say("scontrol", "--oneliner", "show", "job").splitlines()
        return sorted((_fields(record) for record in records), key=lambda job: int(job["JobId"]))

    def _start(self, *command):
        log = (self.folder / f"{len(self.daemons)}-{command[0]}.log").open("w")
        bound = ["setpriv", "--pdeathsig", "TERM", *command]  # ends with the tests, however these end
        self.daemons.append(subprocess.Popen(bound, stdout=log, stderr=log, cwd=self.folder))

    def _munge_files(self):
        names = {"socket": "munge.socket", "pid-file": "munged.pid", "seed-file": "munge.seed"}
        names |= {"key-file": "munge.key", "log-file": "munge.log"}
        return [f"--{option}={self.folder / name}" for option, name in names.items()]

    def _write(self):
        self.folder.mkdir(parents=True)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for index in range(GPUS):  # as null: where a GPU is no device, Slurm names none to the job
            os.mknod(self.folder / f"gpu{index}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        host = socket.gethostname().split(".")[0]
        machine = f"NodeHostname={host} NodeAddr=127.0.0.1 CPUs=128 RealMemory=2000000 Gres=gpu:{GPUS}"
        nodes = [
            f"NodeName={node} Port={free_port()} Feature={gpu} {machine} State=UNKNOWN"
            for node, gpu in NODES.items()
        ]
        ETC.mkdir(exist_ok=True)
        (ETC / "slurm.conf").write_text(
            CONF.format(mark=MARK, host=host, port=free_port(), folder=self.folder, nodes="\n".join(nodes))
        )
        files = f"Name=gpu File={self.folder}/gpu[0-{GPUS - 1}]"
        (ETC / "gres.conf").write_text(
            f"{MARK}\nAutoDetect=off\n" + "".join(f"NodeName={node} {files}\n" for node in NODES)
        )


def _fields(record):
    """{field: value} of a line of ``scontrol --oneliner``; values may have blanks in them."""
    fields, last = {}, None
    for word in record.split(" "):
        name, equals, value = word.partition("=")
        if equals and name.replace("/", "").replace(":", "").replace("_", "").isalpha():
            fields[name], last = value, name
        elif last:
            fields[last] += " " + word
    return fields


def _await(condition, what, folder, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(f"{log.name}:\n{log.read_text()[-1500:]}" for log in folder.glob("*.log"))
            raise TimeoutError(f"waited {seconds} s for {what}:\n{logs}")
        time.sleep(0.1)
