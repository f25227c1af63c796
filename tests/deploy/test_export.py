"""`export` as a whole: what it writes, what the engines make of it, and what it refuses."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import numpy as np
import paddle
import paddleseg.transforms as T
import pytest
from paddleseg.core import infer
from PIL import Image

from paddle_ann.deploy import arguments, conversion, export, exporting, preprocessing, writing
from paddle_ann.deploy.parity import Report, Row
from paddle_ann.deploy.runner import Bundle
from paddle_ann.deploy.runner.description import read_description
from paddle_ann.deploy.runner.engines import ENGINES
from paddle_ann.deploy.trials import own_rounding, run_model
from tests.deploy.toy import make_model, normalised, picture

TRANSFORMS = [T.Resize((83, 61)), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
PICTURES = [picture(65, 97), picture(127, 63, 1)]
NAMES = ["void", "road", "道路", "sky", "a car"]


def cannot_convert() -> str:
    """Why there is no conversion to ONNX here, or ''."""
    try:
        conversion.check_converter()
        arguments.find_engines(["onnx"])
    except ImportError as error:
        return str(error)
    return ""


needs_onnx = pytest.mark.skipif(bool(cannot_convert()), reason=cannot_convert())


# -- a whole export, once -------------------------------------------------------------------------


def packages():
    """Names and versions of all that is installed."""
    return {(item.metadata["Name"], item.version) for item in importlib.metadata.distributions()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(model, folder, report) of an export with every format and output."""
    paddle.seed(3)
    before = packages()
    model, folder = make_model(), tmp_path_factory.mktemp("export") / "new" / "bundle"
    report = export(
        model,
        folder,
        transforms=TRANSFORMS,
        classes=NAMES,
        outputs=("argmax", "softmax", "logits"),
    )
    assert packages() == before  # paddle2onnx by itself would have installed three
    return model, folder, report


@pytest.mark.slow
@needs_onnx
def test_the_report_names_every_engine(exported):
    _, folder, report = exported
    assert report.passed
    assert [row.engine for row in report.rows] == ["paddle", "onnxruntime", "openvino"]
    assert all(row.difference < 1e-5 for row in report.rows if row.version)
    assert json.loads((folder / "bundle.json").read_text())["parity"]["rows"][0]["equal"] > 0
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_takes_any_size_and_batch(exported, engine):
    if not arguments.installed(engine):
        pytest.skip(f"{engine} is not installed")
    model, folder, _ = exported
    bundle = Bundle(folder, engine)
    sizes = [(1, 65, 97), (1, 127, 63), (2, 64, 64), (5, 33, 49), (1, 8, 131), (1, 33, 49)]
    for count, height, width in sizes:
        x = normalised([picture(height, width, seed) for seed in range(count)])
        expected = model(paddle.to_tensor(x))[0].numpy()
        got = bundle.run(x, "logits")
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()
        assert (bundle.run(x, "argmax") == expected.argmax(1)).mean() > 0.999
        assert np.abs(bundle.run(x, "softmax").sum(1) - 1).max() < 1e-5


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("engine", ENGINES)
def test_the_bundle_predicts_what_paddleseg_does(exported, engine):
    if not arguments.installed(engine):
        pytest.skip(f"{engine} is not installed")
    model, folder, _ = exported
    bundle = Bundle(folder, engine)
    for rgb in PICTURES:
        data = T.Compose(TRANSFORMS, to_rgb=False)({"img": rgb.astype("float32")})
        with paddle.no_grad():
            pred, logits = infer.inference(
                model, paddle.to_tensor(data["img"][None]), trans_info=data["trans_info"]
            )
        ids = bundle.predict(rgb)
        assert (ids == pred.numpy()[0, 0]).mean() >= 0.9999
        expected = paddle.nn.functional.softmax(logits, axis=1).numpy()[0]
        assert np.abs(bundle.probabilities(rgb) - expected).max() < 1e-4


@pytest.mark.slow
@needs_onnx
def test_the_onnx_graph_is_free_in_size_and_has_no_adaptive_pooling(exported):
    import onnx

    model = onnx.load(exported[1] / "model.onnx")
    assert [item.version for item in model.opset_import] == [13]
    sizes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert sizes == {
        "x": ["N", 3, "H", "W"],
        "argmax": ["N", "H", "W"],
        "softmax": ["N", 5, "H", "W"],
        "logits": ["N", 5, "H", "W"],
    }
    kinds = {node.op_type for node in model.graph.node}
    assert not [kind for kind in kinds if "Adaptive" in kind or kind == "GlobalAveragePool"]
    assert {node.domain for node in model.graph.node} == {""}


@pytest.mark.slow
@needs_onnx
def test_the_original_model_is_left_as_it_was_and_can_be_called(exported):
    model, _, _ = exported
    x = paddle.to_tensor(normalised([PICTURES[0]]))
    assert model(x)[0].shape == [1, 5, 65, 97]
    model.train()
    model(x)[0].sum().backward()
    model.clear_gradients()
    model.eval()


# -- Paddle's graph alone: without a converter, and quicker ---------------------------------------


def test_paddle_alone_takes_no_converter(tmp_path, monkeypatch):
    def none(*_):
        raise AssertionError("the converter was called")

    monkeypatch.setattr(conversion, "to_onnx", none)
    monkeypatch.setattr(conversion, "check_converter", none)
    Image.fromarray(PICTURES[0]).save(tmp_path / "a.png")
    model = make_model()
    report = export(
        model,
        tmp_path / "out",
        transforms=[T.Normalize()],
        images=[tmp_path / "a.png", PICTURES[1]],
        formats=["paddle"],
        outputs="argmax",
    )
    assert [row.engine for row in report.rows] == ["paddle"] and report.pictures == "given"
    assert not (tmp_path / "out/model.onnx").exists()
    ids = Bundle(tmp_path / "out").predict(PICTURES[1])
    expected = model(paddle.to_tensor(normalised([PICTURES[1]])))[0].numpy()[0].argmax(0)
    assert (ids == expected).mean() > 0.999 and len(np.unique(ids)) > 1


# -- refusals -------------------------------------------------------------------------------------


@pytest.fixture
def quick():
    """`export` of Paddle's graph alone into a folder that must stay away."""

    def run(place: Path, model=None, **options):
        settings = dict(transforms=[T.Normalize()], formats=["paddle"])
        try:
            return export(model or make_model(), place, **{**settings, **options})
        finally:
            assert not place.exists() and not list(place.parent.glob(".*"))

    return run


def test_another_normalisation_in_the_deploy_yaml_is_refused(quick, tmp_path, monkeypatch):
    """The stored preparation is what is tried, not the one in memory."""
    write = writing.write_deploy_yaml

    def write_wrong(folder, steps, output):
        write(folder, [{**step, "mean": [0.485, 0.456, 0.406]} for step in steps], output)

    monkeypatch.setattr(writing, "write_deploy_yaml", write_wrong)
    with pytest.raises(RuntimeError, match="(?s)The export is refused.*paddle.*REFUSED"):
        quick(tmp_path / "out")


@pytest.mark.slow
@needs_onnx
def test_another_normalisation_in_the_bundle_is_refused(quick, tmp_path, monkeypatch):
    write = writing.write_description

    def write_wrong(folder, description):
        steps = [{**step, "std": [0.229]} for step in description["preprocessing"]]
        write(folder, {**description, "preprocessing": steps})

    monkeypatch.setattr(writing, "write_description", write_wrong)
    with pytest.raises(RuntimeError, match="(?s)refused.*onnxruntime.*REFUSED"):
        quick(tmp_path / "out", formats=["onnx"])


@pytest.mark.slow
def test_a_graph_that_computes_something_else_is_refused(quick, tmp_path, monkeypatch):
    trace = exporting.trace

    def trace_wrong(graph, folder):
        graph.head.cls_bias.set_value(graph.head.cls_bias * 1.01)
        trace(graph, folder)

    monkeypatch.setattr(exporting, "trace", trace_wrong)
    with pytest.raises(RuntimeError, match="refused"):
        quick(tmp_path / "out")


@pytest.mark.slow
def test_an_engine_that_dies_takes_nobody_along(quick, tmp_path, monkeypatch):
    write = writing.write_runner

    def write_deadly(folder):
        write(folder)
        (folder / "runner/trial.py").write_text("import os; os.abort()")

    monkeypatch.setattr(writing, "write_runner", write_deadly)
    with pytest.raises(RuntimeError, match="paddle .* cannot run the export .*signal 6"):
        quick(tmp_path / "out")


def test_a_converter_that_dies_takes_nobody_along(tmp_path, monkeypatch):
    script = tmp_path / "deadly.py"
    script.write_text("import os, sys; print('what it knew'); sys.stdout.flush(); os.abort()")
    monkeypatch.setattr(conversion, "SCRIPT", script)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(RuntimeError, match="(?s)paddle2onnx could not.*signal 6.*what it knew"):
        conversion.to_onnx(tmp_path, ["logits"], 13)


def test_the_converter_has_no_index_to_install_from(tmp_path):
    code = "import os; print(os.environ['PIP_NO_INDEX']); raise SystemExit(3)"
    with pytest.raises(RuntimeError, match="(?s)code 3.*\n1"):
        conversion.run_child(["-c", code], "it failed", tmp_path)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (dict(transforms=[T.Resize()]), ValueError, "exactly one Normalize"),
        (dict(outputs=[]), ValueError, "outputs must be some of argmax, softmax, logits"),
        (dict(outputs=["ids"]), ValueError, "outputs must be some of"),
        (dict(formats=["onnx", "onnx"]), ValueError, "formats must be some of"),
        (dict(tolerance=0), ValueError, "tolerance"),
        (dict(classes=["a", "b"]), ValueError, "the 5 classes of the model; received 2"),
        (dict(classes=[1, 2, 3, 4, 5]), TypeError, "classes must be names"),
        (dict(palette=[[0, 0, 256]] * 5), ValueError, "palette must be R, G, B"),
        (dict(palette=[[0, 0, 0]]), ValueError, "palette must be R, G, B"),
        (dict(images=[]), ValueError, "images must be a list"),
        (dict(images=["absent.png"]), FileNotFoundError, "absent.png does not exist"),
        (dict(images=[np.zeros((3, 4))]), TypeError, "images must be paths or arrays"),
        (dict(formats=["onnx"], opset=11), ValueError, "opset must be from 13"),
        (dict(formats=["onnx"], opset="13"), TypeError, "opset must be an integer"),
    ],
    ids=str,
)
def test_arguments_of_no_use_are_refused_by_name(quick, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        quick(tmp_path / "out", **options)


def test_pictures_of_another_scale_are_refused(quick, tmp_path):
    transforms = [T.Normalize(mean=[0.0] * 3, std=[1e-4] * 3)]
    with pytest.raises(ValueError, match="not normalised as in training"):
        quick(tmp_path / "out", transforms=transforms, images=PICTURES)


@pytest.mark.slow
def test_a_tolerance_that_is_given_is_kept(quick, tmp_path):
    with pytest.raises(RuntimeError, match="at most 1e-12 passes"):
        quick(tmp_path / "out", tolerance=1e-12)


def test_a_sensitive_model_is_allowed_its_own_rounding(tmp_path, monkeypatch):
    """Only where it fails otherwise, up to a limit, and the report says what passed."""
    asked = []

    def compared(engines, folder, batches, outputs, tolerance):
        asked.append(tolerance)
        row = Row("paddle", "3", difference=5e-4, pixels=1, equal=1)
        return Report([row], ["a"], tolerance)

    monkeypatch.setattr(exporting, "trace", lambda graph, folder: (folder / "model.json").touch())
    monkeypatch.setattr(exporting, "compare_all", compared)
    for own, passes, tolerances in ((3e-4, True, [1e-4, 9e-4]), (1e-6, False, [1e-4])):
        asked.clear()
        monkeypatch.setattr(exporting, "own_rounding", lambda model, batches, own=own: own)
        place = tmp_path / str(own)
        if passes:
            report = export(make_model(), place, transforms=[T.Normalize()], formats=["paddle"])
            assert "moves its output by 3.0e-04" in str(report)
        else:
            with pytest.raises(RuntimeError, match="(?s)refused.*its output by 1.0e-06"):
                export(make_model(), place, transforms=[T.Normalize()], formats=["paddle"])
        assert asked == pytest.approx(tolerances)


def test_own_rounding_of_a_tame_model_is_that_of_floats_and_leaves_the_model():
    model = make_model()
    batches = run_model(model, [T.Normalize()], PICTURES)
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    assert 1e-8 < own_rounding(model, batches) < 1e-5
    assert all(np.array_equal(before[n], v.numpy()) for n, v in model.state_dict().items())


def test_another_network_is_refused(quick, tmp_path):
    with pytest.raises(TypeError, match="export takes an ANN or ANNNet; received Linear"):
        quick(tmp_path / "out", paddle.nn.Linear(3, 5))


def test_an_export_is_not_overwritten(tmp_path):
    (tmp_path / "mine").write_text("mine")
    for place in (tmp_path, tmp_path / "mine"):
        with pytest.raises(FileExistsError):
            export(make_model(), place, transforms=[T.Normalize()])
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_converter_of_another_paddle_is_refused(monkeypatch):
    monkeypatch.setattr(conversion.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(conversion.importlib.metadata, "version", lambda name: "7.0")
    with pytest.raises(ImportError, match="paddle2onnx 7.0 does not read.*pip install"):
        conversion.check_converter()
    monkeypatch.setattr(conversion.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="not installed: pip install"):
        conversion.check_converter()


def test_a_format_without_an_engine_is_refused(monkeypatch):
    monkeypatch.setattr(arguments, "installed", lambda engine: engine == "paddle")
    assert arguments.find_engines(["paddle"]) == ["paddle"]
    with pytest.raises(ImportError, match="None of onnxruntime, openvino is installed"):
        arguments.find_engines(["paddle", "onnx"])


def test_the_preparation_read_back_is_the_one_given(bundle):
    steps = read_description(bundle)["preprocessing"]
    assert preprocessing.describe(steps) == steps
    assert os.path.isfile(bundle / "runner" / "prepare.py")
