"""Nothing is overwritten, nothing half-written stays, nothing of the user's is lost."""

from __future__ import annotations

import pytest
import yaml
from paddleseg.deploy.infer import DeployConfig

from paddle_ann.deploy import writing
from paddle_ann.deploy.runner.description import read_description
from tests.deploy.conftest import DESCRIPTION
from tests.deploy.toy import picture


def test_a_new_place_is_taken_and_the_draft_is_gone(tmp_path):
    place = tmp_path / "new" / "export"
    with writing.draft_of(place) as draft:
        (draft / "file").write_text("whole")
        writing.publish(draft, place, overwrite=False)
    assert (place / "file").read_text() == "whole"
    assert [path.name for path in place.parent.iterdir()] == ["export"]


def test_a_draft_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), writing.draft_of(tmp_path / "export") as draft:
        (draft / "file").write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_an_export_is_replaced_only_when_asked(bundle):
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        writing.check_place(bundle, overwrite=False)
    (bundle / "runner" / "__pycache__").mkdir()
    (bundle / "runner" / "__pycache__" / "x.pyc").write_text("")
    with writing.draft_of(bundle) as draft:
        (draft / "file").write_text("new")
        writing.publish(draft, bundle, overwrite=True)
    assert [path.name for path in bundle.iterdir()] == ["file"]
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_what_came_up_meanwhile_is_not_overwritten(tmp_path):
    place = tmp_path / "export"
    with pytest.raises(FileExistsError), writing.draft_of(place) as draft:
        place.mkdir()
        (place / "mine").write_text("mine")
        writing.publish(draft, place, overwrite=False)
    assert (place / "mine").read_text() == "mine"


def test_overwriting_spares_what_no_export_wrote(bundle, tmp_path):
    (bundle / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="notes.txt"):
        writing.check_place(bundle, overwrite=True)
    for other in ("folder", "file"):
        (tmp_path / other).mkdir() if other == "folder" else (tmp_path / other).write_text("")
        with pytest.raises(FileExistsError, match="is no export|is a file, not"):
            writing.check_place(tmp_path / other, overwrite=True)
    (tmp_path / "link").symlink_to(bundle)
    with pytest.raises(FileExistsError):
        writing.check_place(tmp_path / "link", overwrite=True)


def test_paddleseg_reads_the_deploy_yaml(bundle):
    (bundle / "model.json").write_text("{}")
    steps = read_description(bundle)["preprocessing"]
    writing.write_deploy_yaml(bundle, steps, "argmax")
    config = DeployConfig(str(bundle / "deploy.yaml"))
    assert config.model == str(bundle / "model.json")
    assert config.params == str(bundle / "model.pdiparams")
    assert config.transforms({"img": picture(65, 97).astype("float32")})["img"].shape == (3, 61, 83)
    assert writing.read_deploy_yaml(bundle) == steps
    text = (bundle / "deploy.yaml").read_text()
    assert yaml.safe_load(text)["Deploy"]["output_dtype"] == "int32"
    writing.write_deploy_yaml(bundle, steps, "logits")
    assert writing.yaml.safe_load((bundle / "deploy.yaml").read_text())["Deploy"]["output_op"] == (
        "none"
    )


def test_the_bundle_keeps_what_it_was_given(bundle):
    description = read_description(bundle)
    for name in ("classes", "palette", "outputs"):
        assert description[name] == DESCRIPTION[name]
