"""A web page and a JSON interface for one exported network; see docs/serve.md."""

from paddle_ann.serve.needs import check_installed

check_installed()

from paddle_ann.serve.app import create_app  # noqa: E402
from paddle_ann.serve.limits import Limits  # noqa: E402
from paddle_ann.serve.running import serve  # noqa: E402

__all__ = ["Limits", "create_app", "serve"]
