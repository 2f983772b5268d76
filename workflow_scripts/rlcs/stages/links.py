"""Copies of models that take no space."""

import os
import shutil


def link_weights(source: str, target: str) -> str:
    """Hard-link a file of weights; copy any other file, and where the file system has no hard links.

    For ``shutil.copytree``. Small files are copied, since people edit them in a folder that they were given.
    """
    if source.endswith(".safetensors"):
        try:
            os.link(source, target)
            return target
        except OSError:
            pass
    return str(shutil.copy2(source, target))
