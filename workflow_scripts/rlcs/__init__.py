"""RLCS: generative reward models and reinforcement learning for stories.

Modules import downwards only: scripts -> training and judging -> algorithms -> records.
"""
