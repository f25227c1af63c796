"""One property as two tests: a few cases each time, and thousands where slow tests run.

FUZZ_SHARE=0.1 in the environment makes do with a tenth of those thousands.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

_SHARE = float(os.environ.get("FUZZ_SHARE", "1"))
_COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


def fuzz(fast: int, slow: int, **strategies: SearchStrategy[Any]) -> Callable[..., Any]:
    """Decorate a property: `test_x` runs `fast` cases, always the same ones, and `test_x_at_length`
    runs `slow` others.

    Args:
        fast: Cases in `make test`; 0 leaves that test out.
        slow: Cases in `make test-slow`.
        **strategies: As `hypothesis.given` takes them; what is left are fixtures.
    """

    def decorate(check: Callable[..., None]) -> Any:
        @functools.wraps(check)
        def same(*args: Any, **kwargs: Any) -> None:
            check(*args, **kwargs)

        many = settings(max_examples=max(1, round(slow * _SHARE)), **_COMMON)
        at_length = many(given(**strategies)(same))
        if not fast:
            return pytest.mark.slow(at_length)
        check.__globals__[f"{check.__name__}_at_length"] = pytest.mark.slow(at_length)
        few = settings(max_examples=fast, derandomize=True, **_COMMON)
        return few(given(**strategies)(check))

    return decorate
