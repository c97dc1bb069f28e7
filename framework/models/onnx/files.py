"""Exported graphs in the cache, named by all that they depend on, checked when they are read."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from segment_anything.modeling import ImageEncoderViT

from framework.errors import PedbenchError
from framework.files.cache import cache_dir
from framework.files.download import sha256_of
from framework.files.writing import make_folder, write_file, writing
from framework.models import attention, block
from framework.models.architectures import Architecture
from framework.models.onnx import export as onnx_export
from framework.models.onnx.export import OPSET, OUTPUT, Part, encoder_parts, module_of, write_graph

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
CONTENTS, MANIFEST = "contents.json", "manifest.json"
SOURCES = (attention, block, onnx_export)


def need_packages() -> None:
    """Make sure that what exports and runs graphs is installed.

    Raises:
        PedbenchError: names what is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise PedbenchError(
            f"runtime 'onnx' needs {' and '.join(missing)}: pip install 'pedbench[onnx]'"
        )


def fingerprint(part: Part, encoder: ImageEncoderViT, arch: Architecture) -> str:
    """SHA-256 over a part's weights, the architecture, this project's source and the exporter."""
    digest = hashlib.sha256()
    setting = [part.name, repr(arch), str(OPSET), torch.__version__]
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in SOURCES]
    digest.update(json.dumps(setting + sources).encode())
    for name, tensor in sorted(module_of(part, encoder).state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        values = np.ascontiguousarray(tensor.detach().cpu().numpy())
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def cached_graph(part: Part, encoder: ImageEncoderViT, arch: Architecture) -> Path:
    """The exported graph of a part: from the cache if it is there and sound, else exported now.

    Raises:
        PedbenchError: the cache cannot be written.
    """
    mark = fingerprint(part, encoder, arch)
    folder = cache_dir() / "onnx" / f"{arch.name}-{part.name}-{mark[:20]}"
    graph = folder / f"{part.name}.onnx"
    if not _sound(graph, mark):
        try:
            _export(part, encoder, graph, mark)
        except OSError as error:
            raise PedbenchError(
                f"cannot write {folder} ({error}): free space, or set PEDBENCH_CACHE to a folder "
                "that can be written"
            ) from error
    return graph


def export_encoder(
    encoder: ImageEncoderViT, arch: Architecture, folder: Path, weights: str
) -> Path:
    """Write all graphs of an encoder into one folder, for use elsewhere.

    Args:
        weights: names them in the manifest.

    Returns:
        ``manifest.json``: the architecture, and the graphs in the order in which they run.

    Raises:
        PedbenchError: the cache or the folder cannot be written.
    """
    make_folder(folder)
    entries = []
    for part in encoder_parts(arch):
        graph = cached_graph(part, encoder, arch)
        for path in graph.parent.glob(f"{graph.name}*"):
            with writing(folder / path.name):
                shutil.copy(path, folder)
        entry = {"kind": part.kind.value, "blocks": part.blocks, "inputs": part.inputs}
        entries.append({"file": graph.name, **entry, "output": OUTPUT})
    content = {"architecture": asdict(arch), "weights": weights, "opset": OPSET, "parts": entries}
    manifest = folder / MANIFEST
    return write_file(manifest, json.dumps(content, indent=2) + "\n")


def _sound(graph: Path, mark: str) -> bool:
    """Whether a graph and its weights are, unchanged, what was exported under a fingerprint."""
    try:
        contents = json.loads((graph.parent / CONTENTS).read_text(encoding="utf-8"))
        files = contents["files"]
        hashes = {name: sha256_of(graph.parent / name) for name in files}
        return bool(contents["fingerprint"] == mark and graph.name in files and hashes == files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _export(part: Part, encoder: ImageEncoderViT, graph: Path, mark: str) -> None:
    """Export into a folder of its own, then put that in place of whatever was there."""
    folder = graph.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as holder:
        made = Path(holder) / folder.name
        made.mkdir()
        write_graph(part, encoder, made / graph.name)
        files = {path.name: sha256_of(path) for path in made.iterdir()}
        contents = {"fingerprint": mark, "files": files}
        (made / CONTENTS).write_text(json.dumps(contents, indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            made.rename(folder)
        except OSError:
            if not _sound(graph, mark):  # or another process was faster
                raise
