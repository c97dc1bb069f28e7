"""What is kept from run to run is found again: fingerprints do not change by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from attacks.base import ATTACKS
from bench.cache import fingerprints
from bench.cache.encodings import pipeline_sources
from bench.cache.fingerprints import part_fingerprint, source_fingerprint
from bench.metrics import METRICS
from bench.recognition import RECOGNISERS
from bench.spec.cells import Pipeline
from framework.models.build import build_sam
from framework.split.defences import DEFENCES
from framework.split.policies import POLICIES

REGISTRIES = {r.kind: r for r in (ATTACKS, DEFENCES, METRICS, POLICIES, RECOGNISERS)}
PARTS = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=["-".join(part) for part in PARTS])
def test_every_part_has_a_lasting_fingerprint(kind: str, name: str) -> None:
    registry = REGISTRIES[kind]
    first = part_fingerprint(registry.get(name))
    source_fingerprint.cache_clear()
    assert part_fingerprint(registry.get(name)) == first


@pytest.mark.slow
def test_other_processes_find_the_same() -> None:
    name = "whole_image_decoder_round1"
    code = (
        "from attacks.base import ATTACKS; from bench.cache.fingerprints import part_fingerprint;"
        f"print(part_fingerprint(ATTACKS.get({name!r})))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == part_fingerprint(ATTACKS.get(name))


class TestPlugins:
    """The code of a plug-in is all that decides what it does."""

    @pytest.fixture
    def plugin(self, tmp_path, monkeypatch):
        """A package of an attack with weights, and a loose module that it imports."""
        package = tmp_path / "pedbench_plugin"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "attack.py").write_text("import numpy\nimport pedbench_loose\n")
        (package / "weights.npz").write_bytes(b"1")
        (tmp_path / "pedbench_loose.py").write_text("X = 1\n")
        monkeypatch.syspath_prepend(tmp_path)
        return package

    @staticmethod
    def fingerprint_of(module: str) -> str:
        for name in ("source_fingerprint", "_closure", "_imports", "_file", "_origin", "_is_loose"):
            getattr(fingerprints, name).cache_clear()
        return fingerprints.source_fingerprint(module)

    def fingerprint(self) -> str:
        return self.fingerprint_of("pedbench_plugin.attack")

    def test_it_lasts(self, plugin):
        assert self.fingerprint() == self.fingerprint()

    @pytest.mark.parametrize(
        "file", ["attack.py", "weights.npz", "../pedbench_loose.py"], ids=["own", "data", "loose"]
    )
    def test_a_changed_file_changes_it(self, plugin, file):
        before = self.fingerprint()
        (plugin / file).write_bytes((plugin / file).read_bytes() + b"\n")
        assert self.fingerprint() != before

    def test_another_version_of_what_it_imports_changes_it(self, plugin, monkeypatch):
        before = self.fingerprint()
        monkeypatch.setattr(fingerprints, "_version", lambda name: f"{name} 0.0")
        assert self.fingerprint() != before

    @pytest.mark.parametrize(
        ("file", "counts"), [("attack.py", True), ("../pedbench_loose.py", False)]
    )
    def test_a_package_counts_without_what_it_rests_on(self, plugin, file, counts):
        def found():
            self.fingerprint()
            fingerprints.package_fingerprint.cache_clear()
            return fingerprints.package_fingerprint("pedbench_plugin.attack")

        before = found()
        (plugin / file).write_bytes((plugin / file).read_bytes() + b"\n")
        assert (found() != before) == counts

    def test_packages_of_another_environment_count_by_version_alone(
        self, plugin, tmp_path, monkeypatch
    ):
        """They are not read file by file: torch alone would take a minute."""
        elsewhere = tmp_path / "other" / "site-packages"
        elsewhere.mkdir(parents=True)
        (elsewhere / "pedbench_elsewhere.py").write_text("X = 1\n")
        monkeypatch.syspath_prepend(elsewhere)
        (plugin / "attack.py").write_text("import pedbench_elsewhere\n")
        before = self.fingerprint()
        (elsewhere / "pedbench_elsewhere.py").write_text("X = 2\n")
        assert self.fingerprint() == before


class TestInstalledPlugins:
    """A distribution counts as a whole: all of its modules, and files that are no source."""

    @pytest.fixture
    def site(self, tmp_path, monkeypatch):
        """Two single modules and a data file that one distribution brings."""
        site = tmp_path / "site-packages"
        info = site / "pedbench_two-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "pedbench_two.py").write_text("import pedbench_two_core\n")
        (site / "pedbench_two_core.py").write_text("X = 1\n")
        (site / "pedbench_two.txt").write_text("1")
        files = ["pedbench_two.py", "pedbench_two_core.py", "pedbench_two.txt"]
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pedbench-two\nVersion: 1.0\n")
        monkeypatch.syspath_prepend(site)
        return site

    @staticmethod
    def fingerprint() -> str:
        for name in ("source_fingerprint", "_distributions", "_siblings"):
            getattr(fingerprints, name).cache_clear()
        return TestPlugins.fingerprint_of("pedbench_two")

    @pytest.mark.parametrize("file", ["pedbench_two_core.py", "pedbench_two.txt"])
    def test_a_changed_file_changes_it(self, site, file):
        before = self.fingerprint()
        assert self.fingerprint() == before
        (site / file).write_text("X = 2\n")
        assert self.fingerprint() != before


def test_two_parts_of_one_module_differ():
    class First: ...

    class Second: ...

    assert part_fingerprint(First) != part_fingerprint(Second)


@pytest.mark.parametrize("name", ["skin", "text"])
def test_what_a_pipeline_does_depends_on_its_detector(name: str) -> None:
    sam = build_sam("toy", "random")
    kept = Pipeline(policy=f"sensitive_local:{name}+padding_local")
    assert f"detector {name}" in pipeline_sources(kept, sam)
    assert not any("detector" in key for key in pipeline_sources(Pipeline(policy="random"), sam))
