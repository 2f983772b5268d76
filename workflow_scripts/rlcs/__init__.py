"""RLCS: generative reward models and reinforcement learning for stories.

A module imports only from its own package and from floors below it. The floors, from the top:

    report
    evaluation | training
    rewards
    judging
    world | planning
    data | models
    config
    constraints | stages | verdict
    answer_formats
    plugins
    records | reasoning | text | errors
"""

import os

# Read when huggingface_hub and OpenMP are loaded, so set before any of the library's modules is:
# no telemetry, and idle threads sleep instead of spinning (several times faster where jobs share the cores).
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
