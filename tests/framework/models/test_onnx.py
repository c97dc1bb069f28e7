"""ONNX Runtime gives what PyTorch gives, from files that are exported once and checked."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from segment_anything import SamPredictor

from bench.cli import main
from framework import DistributedSamPredictor, GrpcShards, LocalShards, build_sam
from framework.files.cache import cache_dir
from framework.models.architectures import ARCHITECTURES
from framework.models.block import loose_windows
from framework.models.encoders.sam_vit import SamVit
from framework.models.onnx import files as onnx_files
from framework.models.onnx.export import Kind, Part, encoder_parts
from framework.models.onnx.files import cached_graph, export_encoder
from framework.models.onnx.runtime import OnnxRuntime
from framework.transport.grpc.server.service import ShardService
from tests.framework.servers import HASTY, serving
from tests.framework.support import message_of

pytestmark = pytest.mark.slow

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

CLOSE = 1e-4
NECK = Part(Kind.NECK)
SHORT = replace(ARCHITECTURES["tiny"], name="tiny_short", depth=4, global_blocks=(1, 3))
"""Two rounds, and so half of the graphs to export."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(ARCHITECTURES, SHORT.name, SHORT)
        yield


@pytest.fixture(scope="module")
def sam():
    return build_sam(SHORT.name, "random")


@pytest.fixture(scope="module")
def onnx_sam():
    return build_sam(SHORT.name, "random", runtime="onnx")


@pytest.fixture(scope="module")
def stock_embedding(photos):
    """The embedding of stock ``SamPredictor`` for a named photo."""
    predictor = SamPredictor(build_sam(SHORT.name, "random", attention="stock"))

    @functools.cache
    def embedding(name):
        predictor.set_image(photos[name])
        return predictor.features

    return embedding


@pytest.fixture
def no_pytorch(monkeypatch):
    """Whatever PyTorch would compute in ONNX Runtime's place fails."""

    def fail(*_):
        raise AssertionError("computed in PyTorch")

    for name in ("embed", "windows", "maps", "neck"):
        monkeypatch.setattr(SamVit, name, fail)


@pytest.fixture
def exports(monkeypatch):
    """The parts that are exported from now on."""
    done = []
    write = onnx_files.write_graph

    def counted(part, encoder, path):
        done.append(part)
        write(part, encoder, path)

    monkeypatch.setattr(onnx_files, "write_graph", counted)
    return done


def embedded(sam, photo, shards, **options):
    predictor = DistributedSamPredictor(sam, LocalShards(shards), **options)
    predictor.set_image(photo)
    return predictor.get_image_embedding()


@pytest.mark.parametrize("photo", ["landscape", "portrait"])
@pytest.mark.parametrize(
    ("shards", "options"),
    [
        (1, {"plan": "local"}),
        (1, {"plan": "centralized"}),
        (4, {}),
        (9, {}),
        (4, {"plan": "prefix", "payload": "pixels"}),
    ],
    ids=["local", "centralized", "4", "9", "prefix"],
)
def test_equals_stock(onnx_sam, photos, stock_embedding, no_pytorch, photo, shards, options):
    found = embedded(onnx_sam, photos[photo], shards, **options)
    assert found.dtype == torch.float32
    assert (found - stock_embedding(photo)).abs().max() <= CLOSE


def test_servers_and_edge_may_have_different_runtimes(onnx_sam, sam, photos, stock_embedding):
    onnx_sam.runtime.prepare()
    with (
        serving(onnx_sam, ShardService, ShardService) as addresses,
        GrpcShards(addresses, patience=HASTY, fallback="fail") as shards,
    ):
        predictor = DistributedSamPredictor(sam, shards)
        predictor.set_image(photos["landscape"])
    assert (predictor.features - stock_embedding("landscape")).abs().max() <= CLOSE


def test_several_maps_and_a_single_window(onnx_sam, sam):
    tokens = torch.randn(3, 32, 32, 192, generator=torch.Generator().manual_seed(0))
    places = loose_windows([(7, 4)], 7)
    for ours, theirs in (
        (onnx_sam.runtime.maps([0, 1], tokens), sam.runtime.maps([0, 1], tokens)),
        (
            onnx_sam.runtime.windows([2], tokens[0, 0, :28], *places),
            sam.runtime.windows([2], tokens[0, 0, :28], *places),
        ),
    ):
        assert theirs.std() > 0.1
        assert (ours - theirs).abs().max() <= CLOSE


def test_whole_stages_run_as_graphs_and_parts_of_them_in_pytorch(monkeypatch):
    sam = build_sam("tiny_globals_last", "random", runtime="onnx")
    torch_runtime, graphs = SamVit(sam.image_encoder), []

    def recorded(self, part, *inputs):
        graphs.append(part)
        return torch_runtime.windows(part.blocks, *inputs)

    monkeypatch.setattr(OnnxRuntime, "_run", recorded)
    tokens = torch.randn(49, 192, generator=torch.Generator().manual_seed(0))
    places = loose_windows([(7, 7)], 7)
    with torch.inference_mode():
        for blocks in ((1, 2), (0, 1, 2, 3), (0, 1)):
            found = sam.runtime.windows(blocks, tokens, *places)
            assert torch.equal(found, torch_runtime.windows(blocks, tokens, *places))
    assert graphs == [Part(Kind.WINDOWS, (0, 1, 2, 3))]


def test_gradients_are_kept(onnx_sam):
    tokens = torch.randn(49, 192, requires_grad=True)
    onnx_sam.runtime.windows([0], tokens, *loose_windows([(7, 7)], 7)).sum().backward()
    assert tokens.grad is not None


def test_files_are_made_once(onnx_sam, photos, exports):
    onnx_sam.runtime.prepare()
    exports.clear()
    again = build_sam(SHORT.name, "random", runtime="onnx")
    again.runtime.prepare()
    embedded(again, photos["square"], 4)
    assert exports == []
    assert not list((cache_dir() / "onnx").glob(".*"))


def test_other_weights_have_files_of_their_own(onnx_sam, exports):
    def path(sam):
        return cached_graph(NECK, sam.image_encoder, sam.arch)

    first = path(onnx_sam)
    other = build_sam(SHORT.name, "random", runtime="onnx", seed=1)
    tokens = torch.randn(1, 32, 32, 192)
    assert (other.runtime.neck(tokens) - onnx_sam.runtime.neck(tokens)).abs().max() > 0.01
    other.image_encoder.load_state_dict(onnx_sam.image_encoder.state_dict())
    assert path(other) == first
    assert exports.count(NECK) >= 1


def damage(graph: Path, foreign: Path) -> None:
    weights = graph.with_name(graph.name + ".data")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 0xFF
    weights.write_bytes(content)


def swap(graph: Path, foreign: Path) -> None:
    shutil.rmtree(graph.parent)
    shutil.copytree(foreign.parent, graph.parent)


def cut_short(graph: Path, foreign: Path) -> None:
    (graph.parent / "contents.json").write_text('{"fingerprint":')


@pytest.mark.parametrize("spoil", [damage, swap, cut_short])
def test_spoilt_files_are_made_again(sam, exports, spoil):
    stranger = build_sam(SHORT.name, "random", seed=1)
    graph = cached_graph(NECK, sam.image_encoder, sam.arch)
    foreign = cached_graph(NECK, stranger.image_encoder, stranger.arch)
    sound = {path.name: path.read_bytes() for path in graph.parent.iterdir()}
    exports.clear()
    spoil(graph, foreign)
    found = OnnxRuntime(sam.image_encoder, sam.arch).neck(torch.ones(1, 32, 32, 192))
    expected = sam.runtime.neck(torch.ones(1, 32, 32, 192))
    assert (found - expected).abs().max() <= CLOSE
    assert exports == [NECK]
    assert {path.name for path in graph.parent.iterdir()} == set(sound)


def test_a_cache_that_cannot_be_written_is_named(sam, tmp_path, monkeypatch):
    (tmp_path / "onnx").write_text("in the way")
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    text = message_of(lambda: cached_graph(NECK, sam.image_encoder, sam.arch))
    assert "PEDBENCH_CACHE" in text


def test_exported_files_make_up_the_encoder(onnx_sam, photos, stock_embedding, tmp_path):
    manifest = export_encoder(onnx_sam.image_encoder, onnx_sam.arch, tmp_path / "out", "abc")
    content = json.loads(manifest.read_text())
    assert [part["kind"] for part in content["parts"]] == [
        part.kind.value for part in encoder_parts(onnx_sam.arch)
    ]
    frame = torch.as_tensor(photos["square"])
    frame = torch.nn.functional.interpolate(frame.permute(2, 0, 1)[None].float(), 256)
    image = onnx_sam.preprocess(frame)
    with torch.inference_mode():
        expected = onnx_sam.image_encoder(image)
    source, slots = (
        places.numpy() for places in loose_windows([(h, w) for h in HEIGHTS for w in HEIGHTS], 7)
    )
    order = window_order()
    tokens = image.numpy()
    for part in content["parts"]:
        session = onnxruntime.InferenceSession(manifest.parent / part["file"])
        if part["kind"] == "windows":
            loose = tokens.reshape(-1, 192)[order]
            given = {"tokens": loose, "source": source, "slots": slots}
            tokens = session.run([part["output"]], given)[0][np.argsort(order)]
            tokens = tokens.reshape(1, 32, 32, 192)
        else:
            [tokens] = session.run([part["output"]], {part["inputs"][0]: tokens})
    assert np.abs(tokens - expected.numpy()).max() <= CLOSE


HEIGHTS = (7, 7, 7, 7, 4)


def window_order():
    """Indices of a 32×32 map's tokens, window by window."""
    grid = np.arange(32 * 32).reshape(32, 32)
    starts = range(0, 32, 7)
    return np.concatenate([grid[y : y + 7, x : x + 7].ravel() for y in starts for x in starts])


def test_from_the_command_line(onnx_sam, photos, tmp_path, capsys):
    onnx_sam.runtime.prepare()
    Image.fromarray(photos["odd"]).save(tmp_path / "cat.png")
    model, masks = ["--model", SHORT.name, "--checkpoint", "random"], []
    for runtime in ("torch", "onnx"):
        target = tmp_path / f"{runtime}.png"
        arguments = ["segment", str(tmp_path / "cat.png"), "--box", "60,20,300,100"]
        arguments += [*model, "--runtime", runtime, "--out", str(target)]
        assert main(arguments) == 0
        masks.append(np.asarray(Image.open(target)) > 0)
    assert 0 < masks[0].mean() < 1
    assert (masks[0] == masks[1]).mean() > 0.999
    out = tmp_path / "files"
    assert main(["export", *model, "--out", str(out)]) == 0
    assert len(list(out.glob("*.onnx"))) == len(list(encoder_parts(onnx_sam.arch)))
    capsys.readouterr()
    assert main([*arguments, "--precision", "int8"]) == 2
    assert main(["shard", "--runtime", "onnx", "--device", "cuda", "--insecure"]) == 2
    assert main(["export", *model, "--out", str(tmp_path / "cat.png")]) == 2
    errors = capsys.readouterr().err.splitlines()
    for line, word in zip(errors, ("float32", "cpu", "--out"), strict=True):
        assert word in line


def test_sessions_have_as_many_threads_as_pytorch(onnx_sam):
    runtime = OnnxRuntime(onnx_sam.image_encoder, onnx_sam.arch)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            options = runtime._session(NECK).get_session_options()
            assert options.intra_op_num_threads == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "options", [{"precision": "int8"}, {"compile": True}, {"attention": "stock"}]
)
def test_what_does_not_go_together_is_refused(options):
    text = message_of(lambda: build_sam("tiny", "random", runtime="onnx", **options))
    assert "float32" in text


def test_unknown_runtime():
    assert "known are onnx, torch" in message_of(
        lambda: build_sam("tiny", "random", runtime="onyx")
    )


@pytest.mark.parametrize("missing", ["onnxruntime", "onnxscript"])
def test_a_missing_package_is_named(monkeypatch, missing):
    monkeypatch.setattr(onnx_files, "find_spec", lambda name: None if name == missing else object())
    text = message_of(lambda: build_sam("tiny", "random", runtime="onnx"))
    assert missing in text
    assert "pip install 'pedbench[onnx]'" in text
