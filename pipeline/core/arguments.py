"""Reads options and environment variables whose empty value would mean another thing than the caller's.

A workflow's variable that was never set arrives as an empty text: it is refused, never taken for "none".
"""

from __future__ import annotations

import argparse
import os

from pipeline.core.errors import ConfigError


def given(text: str) -> str:
    """Give an option's value as it is. Raises ArgumentTypeError when it is empty: wrong usage."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give a value, or leave the option out")
    return text


def variable(name: str) -> str | None:
    """Give an environment variable, None when it is not set. Raises ConfigError when it is set and empty."""
    value = os.environ.get(name)
    if value is not None and not value.strip():
        raise ConfigError(f"{name}: is set, and empty", "give it a value, or do not set it")
    return value
