"""Prompt templates short enough for the tiny models (config/tiny.yaml carries copies)."""

from __future__ import annotations

POLICY_TEMPLATE = "$domain | $characters | $previous_plot | $outline | $constraints"
JUDGE_TEMPLATE = f"{POLICY_TEMPLATE}\n1: $story_1\n2: $story_2"
READING_TEMPLATE = f"{POLICY_TEMPLATE}\n1: $story_1"
"""One story to read: only the literacy examples use it."""
