"""A path opens as Airflow opens it, and loads the file system of its own scheme only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_docsanalytics._object_storage import directory_at

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

AMAZON = "airflow.providers.amazon.aws.fs.s3"
MEMORY = """
from fsspec.implementations.memory import MemoryFileSystem
class FileSystem(MemoryFileSystem):
    protocol = {name!r}
    cachable = False
    def __init__(self, conn_id=None, **options):
        super().__init__(**options)
        self.conn_id = conn_id
def get_fs({parameters}):
    return FileSystem(conn_id)
"""
MODULES = {
    "plain": 'schemes = ["plain", "twice"]  # and no more',
    "twofold": 'schemes = (\n    "other",\n    "twice",\n)',
    "computed": 'schemes = ["comp" + "uted"]',
    "annotated": 'schemes: list[str] = ["annotated"]',
    "old": 'schemes = ["old"]',
    "unusable": 'schemes = ["unusable"]',
    "zzz_broken": 'raise RuntimeError("broken")\nschemes = ["broken", "file", "s3", "twice"]',
}
"""File systems of a provider, by module.

``old`` accepts no storage options, ``unusable`` cannot be opened.
"""
PARAMETERS = {"old": "conn_id", "unusable": "conn_id, storage_options, missing"}
MODULE_NAMES = {f"acme.{name}" for name in MODULES}
OWN = ["plain", "twice", "other", "computed", "annotated", "old"]
"""The schemes that this provider serves."""
MEMORY_CLASS = "fsspec.implementations.memory.MemoryFileSystem"
PRELUDE = """
import json, os, re, sys
from airflow.providers.common.compat.sdk import ObjectStoragePath
try:
    from airflow.sdk.io import attach
except ImportError:
    from airflow.io.store import attach
try:
    from airflow.sdk.io import get_fs
except ImportError:
    from airflow.io import get_fs
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics import _file_system as subject
from airflow_provider_docsanalytics._object_storage import directory_at
def opened(scheme, conn_id):
    return directory_at(f"{scheme}://box/x", conn_id, None)._storage._fs
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
def export(path, **arguments):
    return MintlifyExportOperator(
        task_id="export", endpoint="views", path=path, date_from="2026-01-10",
        date_to="2026-01-11", if_exists="replace", **arguments
    ).execute({})
"""
pytestmark = pytest.mark.usefixtures("connections")


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    """A directory for ``PYTHONPATH`` with an installed provider of several file systems."""
    package = tmp_path / "acme"
    package.mkdir()
    for name, schemes in MODULES.items():
        parameters = PARAMETERS.get(name, "conn_id, storage_options")
        get_fs = MEMORY.format(name=name, parameters=parameters)
        (package / f"{name}.py").write_text(f"{schemes}\n{get_fs}")
    modules = [f"acme.{name}" for name in MODULES]
    info = {"package-name": "acme", "name": "Acme", "description": "-", "filesystems": modules}
    (package / "provider.py").write_text(f"def get_provider_info(): return {info}")
    metadata = tmp_path / "acme-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[apache_airflow_provider]\nprovider_info = acme.provider:get_provider_info\n"
        "[fsspec.specs]\n"
        + "".join(f"{scheme} = {MEMORY_CLASS}\n" for scheme in (*OWN, "mine", "nobody", "unusable"))
    )
    return tmp_path


def _run(statements: str, python_path: Path | None = None) -> Any:
    """Return what a new interpreter prints last, as JSON."""
    paths = [*filter(None, (python_path and str(python_path), os.environ.get("PYTHONPATH")))]
    done = subprocess.run(
        [sys.executable, "-c", f"{PRELUDE}\n{statements}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(Path.cwd())])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_an_export_loads_the_file_system_of_its_path_and_of_no_other_scheme(
    tmp_path: Path, provider: Path
) -> None:
    exported, loaded, with_plain = _run(
        f"paths = ['{tmp_path}/a', 'file://{tmp_path}/b', 'local://{tmp_path}/c']\n"
        "exported = [export(path)['rows'] for path in paths]\n"
        "loaded = [*sys.modules]\n"
        "exported += [export('plain://box/d')['rows']]\n"
        "print(json.dumps([exported, loaded, [*sys.modules]]))",
        provider,
    )
    assert exported[0] > 0
    assert len(set(exported)) == 1
    assert AMAZON not in with_plain
    # Only importing it can tell that "computed" does not serve local paths.
    assert {name for name in loaded if name in MODULE_NAMES} == {"acme.computed"}
    assert {name for name in with_plain if name in MODULE_NAMES} == {
        "acme.computed",
        "acme.plain",
    }


def test_every_scheme_opens_as_airflow_opens_it(provider: Path, lake: ObjectStoragePath) -> None:
    """Also one of two providers, of a list that the source does not show, and of an old one."""
    ours, airflows = _run(
        f"cases = [(scheme, conn) for scheme in {['file', 's3', 's3a', *OWN]}"
        "         for conn in (None, 'aws_lake')]\n"
        "def known(fs): return re.sub(' at 0x[0-9a-f]*', '', str(\n"
        "    (type(fs), fs.storage_options, fs.storage_args)))\n"
        "ours = [known(opened(*case)) for case in cases]\n"
        "airflows = [known(get_fs(*case)) for case in cases]\n"
        "print(json.dumps([ours, airflows]))",
        provider,
    )
    assert ours == airflows
    opened = dict(zip(OWN, ours[6::2], strict=True))
    assert "acme.twofold" in opened["twice"]


def test_what_is_attached_comes_first(provider: Path) -> None:
    """A user's own file system, of a scheme that a provider serves or none does."""
    assert _run(
        "from fsspec.implementations.memory import MemoryFileSystem\n"
        "class Mine(MemoryFileSystem): cachable = False\n"
        "own = [Mine(), Mine(), Mine()]\n"
        "attach('mine', fs=own[0])\n"
        "attach('unusable', fs=own[1])\n"
        "attach('s3', 'aws_mine', fs=own[2])\n"
        "os.environ['AIRFLOW_CONN_AWS_MINE'] = 'aws://'\n"
        "cases = [('mine', None), ('unusable', None), ('s3', 'aws_mine')]\n"
        "print(json.dumps([opened(*case) is fs for case, fs in zip(cases, own)]))",
        provider,
    ) == [True, True, True]


def test_airflow_has_the_last_word(provider: Path, tmp_path: Path) -> None:
    """Where nothing is found, and where ``attach``, which is Airflow's, has moved."""
    refused, exported, loaded = _run(
        "try: opened('nobody', None)\n"
        "except ConfigError as error: refused = str(error)\n"
        "del sys.modules[subject._STORE].attach\n"
        f"exported = export('{tmp_path}/a')['rows']\n"
        "print(json.dumps([refused, exported, [*sys.modules]]))",
        provider,
    )
    assert "No filesystem registered for scheme nobody" in refused
    assert "[s3]" in refused
    assert exported > 0
    assert AMAZON in loaded


def test_a_provider_whose_metadata_cannot_be_read_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake: ObjectStoragePath
) -> None:
    metadata = tmp_path / "lost-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lost\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[apache_airflow_provider]\nlost = nowhere:info\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_NEW", os.environ["AIRFLOW_CONN_AWS_LAKE"])
    lake.fs.pipe_file("bucket/new/_checkpoint.json", b"damaged")
    assert directory_at("s3://bucket/new", "aws_new", None).read_checkpoint() is None
