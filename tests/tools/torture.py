"""``make torture N=100``: every stage is killed N times at random moments; prints what came of it."""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from tabulate import tabulate
from tqdm import tqdm

from endpoint_server import Server, always, entry, ok
from kills import VICTIMS, teacher_at, torture
from rlcs.stages.manifest import PACKAGES
from smoke_run import Workflow


def main(kills):
    with tempfile.TemporaryDirectory() as scratch, Server(always(ok(delay=0.03))) as server:
        folder = Path(scratch)
        workflow = Workflow.of_source(folder / "workflow")
        done = workflow.snakemake("all")
        assert done.returncode == 0, done.stdout[-5000:]
        teacher = teacher_at(entry(server, concurrency=2, api_key_env=None))(folder / "answers")
        rows = []
        for name, victim in {**VICTIMS, "teacher (endpoint)": teacher}.items():
            place = folder / name.replace(" ", "-")
            place.mkdir()
            with tqdm(total=kills, desc=name) as bar:
                tally = torture(
                    victim,
                    workflow,
                    place,
                    kills=kills,
                    rng=random.Random(name),
                    progress=lambda tally, bar=bar: bar.update(tally.kills - bar.n),
                )
            rows.append((name, tally.kills, tally.identical, tally.different))
        print(tabulate(rows, ("stage", "kills", "runs identical", "not"), tablefmt="github"))
        print(f"\nAnswers of the endpoint that were paid twice: {server.paid.total() - len(server.paid)}.")
        versions = subprocess.run(
            [sys.executable, "-m", "pip", "freeze"], capture_output=True, text=True, check=True
        ).stdout.split()
        print("Versions: " + ", ".join(line for line in versions if line.split("==")[0] in PACKAGES))
        return sum(different for *_, different in rows)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])) and "error: some runs ended with other bytes")
