"""Where the source is, and where the tests' own files are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow_scripts"
SUPPORT = ROOT / "tests" / "support"
LIBRARY = SCRIPTS / "rlcs"


def modules_named(name):
    """The library's modules of this last name; several rooms have a ``loading``."""
    found = sorted(LIBRARY.rglob(f"{name}.py"))
    return [".".join(("rlcs", *path.relative_to(LIBRARY).with_suffix("").parts)) for path in found]
