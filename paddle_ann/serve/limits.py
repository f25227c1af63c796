"""How much the server lets strangers ask of it."""

from __future__ import annotations

import math
from typing import NamedTuple


class Limits(NamedTuple):
    """How much the server lets strangers ask of it.

    Attributes:
        max_bytes: of one upload, with all that multipart puts around the file.
        max_pixels: width times height of a picture, read in its header before it is decoded.
        queue: requests that may wait while one is computed; more are answered with 503.
        timeout: seconds within which an upload must be complete.
    """

    max_bytes: int = 32 << 20
    max_pixels: int = 4096 * 3072  # a photograph of 12 megapixels
    queue: int = 8
    timeout: float = 30.0

    def check(self) -> Limits:
        """Return the limits.

        Raises:
            ValueError: if one is out of its range.
        """
        for name, least in (("max_bytes", 1), ("max_pixels", 1), ("queue", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}; got {value!r}.")
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise ValueError(f"timeout must be seconds, more than 0; received {self.timeout!r}.")
        return self
