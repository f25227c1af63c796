"""PaddleSeg's YAML, read strictly: what would be ignored or fail late is named before the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from traceback import walk_tb
from typing import Any

from paddleseg.cvlibs import Config

from paddle_ann.config import epochs as epoch_words
from paddle_ann.config.checking import check
from paddle_ann.config.overrides import check_overrides, literal
from paddle_ann.config.reading import check_files, coerce_numbers

__all__ = ["load"]


class _StrictConfig(Config):
    """PaddleSeg's configuration, with this package's checks at its two seams."""

    @classmethod
    def _parse_from_yaml(cls, path: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            merged = super()._parse_from_yaml(path, *args, **kwargs)
        except (AttributeError, TypeError) as error:
            raise ValueError(
                f"{path}: a block of settings stands in place of what is none in a _base_ file"
                f"{_merged_key(error)}. Make both blocks, or both values."
            ) from error
        epoch_words.leave_other_out(merged, epoch_words.last_word(Path(path)))
        return coerce_numbers(merged)

    @classmethod
    def update_config_dict(
        cls, dic: dict[str, Any], *args: Any, opts: Sequence[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        check_overrides(dic, opts)
        given = [item.split("=")[0] for item in opts or ()]
        given += [word for word in epoch_words.WORDS if kwargs.get(word)]
        word = epoch_words.one_of(given, "The command line")
        dic = dict(dic)
        epoch_words.leave_other_out(dic, word)
        opts = [literal(item) for item in opts] if opts else None
        dic = coerce_numbers(super().update_config_dict(dic, *args, opts=opts, **kwargs))
        if dic.get("test_config", {}) is None:  # a heading with nothing below it
            del dic["test_config"]
        check(dic)
        dic.setdefault("iters", None)  # for PaddleSeg's checker; see `iters`
        return dic

    @property
    def iters(self) -> int:
        """The iterations of the training.

        Raises:
            RuntimeError: They are not known: the configuration counts epochs.
        """
        if self.dic["iters"] is None:
            raise RuntimeError(
                f"The configuration says epochs: {self.dic['epochs']}; how many iterations that is "
                "depends on the training set: call paddle_ann.session.count_iterations(builder)."
            )
        return int(self.dic["iters"])


def _merged_key(error: Exception) -> str:
    """Names the key at which PaddleSeg's merging of two files failed."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    merging = [f.f_locals for f in frames if f.f_code.co_name == "merge_config_dicts"]
    keys = [str(names["key"]) for names in merging if "key" in names]
    return f" ({'.'.join(keys)})" if keys else ""


def load(
    path: str | Path,
    learning_rate: float | None = None,
    iters: int | None = None,
    batch_size: int | None = None,
    opts: Sequence[str] | None = None,
    epochs: int | None = None,
) -> Config:
    """Reads a PaddleSeg YAML, applies the overrides and checks the result.

    Args:
        path: The `.yml` or `.yaml` file; `_base_` files are found relative to it.
        learning_rate: Replaces `lr_scheduler.learning_rate`.
        iters: Replaces `iters`, or `epochs`.
        batch_size: Replaces `batch_size`, the samples per device and step.
        opts: `key.sub_key=value` items as PaddleSeg's `--opts` takes them. The value is a Python
            literal; `null`, `true` and `false` are understood as well.
        epochs: Replaces `epochs`, or `iters`.

    Returns:
        PaddleSeg's `Config`, ready for `paddleseg.cvlibs.SegBuilder`.

    Raises:
        FileNotFoundError: The file or one of its `_base_` files does not exist.
        ValueError: A file that is empty or no YAML, an unknown key, component or argument, a value
            out of range, class counts that disagree, or a wrong number of losses.
    """
    for name, value in (
        ("learning_rate", learning_rate),
        ("iters", iters),
        ("batch_size", batch_size),
        ("epochs", epochs),
    ):
        if value is not None and not value > 0:
            raise ValueError(f"{name} is {value}; it must be greater than 0.")
    check_files(Path(path))
    if epochs is not None:
        opts = [*(opts or ()), f"epochs={epochs}"]
    try:
        return _StrictConfig(
            str(path),
            learning_rate=learning_rate,
            iters=iters,
            batch_size=batch_size,
            opts=list(opts) if opts else None,
        )
    except RuntimeError as error:  # of PaddleSeg's checker, around one that says what is wrong
        raise ValueError(f"{path}: {error.__context__ or error}") from error
