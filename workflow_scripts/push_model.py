"""Upload an exported judge or policy to a model hub, to a private repository unless told otherwise.

The token comes from the environment (HF_TOKEN) or from `hf auth login`, and is written nowhere.
"""

import argparse
import sys
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled
from huggingface_hub.utils._validators import validate_repo_id

from rlcs.stages.manifest import RUN_NAME

CARD = "README.md"


def push(folder: Path, repo: str, *, public: bool) -> str:
    """Upload a folder as it is, but for the record of the machine that made it; return the address.

    Raises:
        HTTPError: the hub does not answer, or refuses the token, the name or a file.
    """
    api = HfApi(token=get_token())
    address = api.create_repo(repo, private=not public, exist_ok=True)
    api.upload_folder(
        repo_id=address.repo_id,
        folder_path=folder,
        commit_message=f"Upload {folder.parent.name}, {folder.name}",
        ignore_patterns=[RUN_NAME],
    )
    return str(address)


def problem(folder: Path, repo: str | None) -> str | None:
    """Say in one line why nothing can be uploaded; None if it can be tried."""
    if repo is None:
        return "push needs the repository's name: --config repo=NAME or repo=ORGANIZATION/NAME"
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        return f"repo={repo}: {error}"
    if get_token() is None:
        return "push needs a token that may write: set HF_TOKEN in the environment, or run `hf auth login`"
    if not (folder / CARD).is_file():
        return f"{folder} is no exported model: it has no {CARD}; run `snakemake export`"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="exported folder")
    parser.add_argument("--repo", help="NAME or ORGANIZATION/NAME on the hub")
    parser.add_argument("--public", action="store_true", help="make a new repository public")
    arguments = parser.parse_args()
    if (refusal := problem(arguments.folder, arguments.repo)) is not None:
        sys.exit(f"error: {refusal}")
    try:
        address = push(arguments.folder, arguments.repo, public=arguments.public)
    except OfflineModeIsEnabled:
        sys.exit("error: HF_HUB_OFFLINE is set, so nothing can be uploaded: unset it for this command")
    except (HTTPError, OSError) as error:
        sys.exit(f"error: {arguments.repo} cannot be uploaded to: {str(error).splitlines()[0]}")
    print(f"{arguments.folder} is at {address}")


if __name__ == "__main__":
    main()
