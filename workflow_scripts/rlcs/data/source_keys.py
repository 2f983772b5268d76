"""Keys of a source of pairs, as messages name them."""

import re

from rlcs.config.sources import SourceConfig

_KEY = re.compile(rf"(?<![\w/.])data(?=: \{{|\.(?:{'|'.join(SourceConfig.model_fields)})\b)")


def name_keys(message: str, key: str) -> str:
    """Name the keys of a source of pairs in a message, which speaks of ``data``, by its own key.

    Args:
        key: such as benchmarks.litbench.
    """
    return _KEY.sub(lambda _: key, message)
