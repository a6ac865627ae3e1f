"""Files that somebody planted: loading one would create a file, the canary; none is ever there."""

import base64
import io
import itertools
import json
import os
import pickle
import zipfile
from pathlib import Path

import joblib
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import skops.io
from conftest import SMALL, write_small
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from tasks.errors import ProjectFileError, UnavailableError, UsageError
from tasks.ingestion.reading import read_source
from tasks.label_review.rules import read_rules
from tasks.models import ModelPackage, load_model
from tasks.project import load_project
from tasks.project.data_sections import SourceSection
from tasks.snapshots import read_snapshot


class Planted:
    """What runs code when it is unpickled."""

    def __init__(self, canary):
        self.canary = str(canary)

    def __reduce__(self):
        return open, (self.canary, "w")


@pytest.fixture
def canary(tmp_path):
    """A file that must never be there; that unpickling makes it is proved first."""
    proof, place = tmp_path / "proof", tmp_path / "canary"
    pickle.loads(pickle.dumps(Planted(proof)))
    assert proof.exists()
    yield place
    assert not place.exists()


def test_a_run_reads_no_result_that_prefect_stored(assayline, small_project, home, canary):
    """Prefect reads a file by the serializer that it names; no stage leaves one or looks for it."""
    metadata = {"storage_key": "k", "expiration": None, "prefect_version": "3.8.8"}
    metadata["serializer"] = {"type": "pickle", "picklelib": "cloudpickle"}
    pickled = base64.encodebytes(pickle.dumps(Planted(canary))).decode()
    storage = home / "prefect" / "storage"  # of the whole session: flows of other tests leave some
    there = set(storage.glob("*"))
    decided, document, _ = assayline(small_project)
    assert set(storage.glob("*")) == there
    keys = json.loads((home / "runs" / document["run_id"] / "evidence.json").read_text())["keys"]
    storage.mkdir(parents=True, exist_ok=True)
    planted = [storage / f"{stage}-{key}" for stage, key in keys.items()]
    for path in planted:
        path.write_text(json.dumps({"metadata": metadata, "result": pickled}))
    code, again, _ = assayline(small_project)
    for path in planted:
        path.unlink()
    assert code == decided
    assert [stage["name"] for stage in again["stages"] if not stage["cached"]] == ["promotion"]


class TestModels:
    @pytest.mark.parametrize("form", ["pickle", "cloudpickle"])
    def test_mlflow_loads_no_pickle_in_our_processes(self, tmp_path, canary, form):
        place = tmp_path / "model"
        mlflow.sklearn.save_model(LogisticRegression(), place, serialization_format=form)
        (place / "model.pkl").write_bytes(pickle.dumps(Planted(canary)))
        for load in (mlflow.sklearn.load_model, mlflow.pyfunc.load_model):
            with pytest.raises(MlflowException, match="disallowed"):
                load(str(place))

    def test_a_version_that_was_made_a_pickle_is_not_loaded(
        self, assayline, small_project, home, canary
    ):
        _, first, _ = assayline(small_project, "--set=approval.mode=approve")
        (stored,) = (home / "mlflow-artifacts" / first["project"] / "models").glob("*/artifacts")
        for name in ("model.skops", "extra_files/model.skops"):
            (stored / name).write_bytes(pickle.dumps(Planted(canary)))
        described = (stored / "MLmodel").read_text()
        (stored / "MLmodel").write_text(
            described.replace("serialization_format: skops", "serialization_format: pickle")
        )
        code, document, _ = assayline(small_project)
        assert (code, document["champion_version"]) == (0, "2")
        detail = document["stages"][-1]["checks"][0]["detail"]
        assert detail.startswith("registered anew as version 2, because ")

    def test_a_pickle_in_the_place_of_a_model(self, canary):
        for content in (pickle.dumps(Planted(canary)), joblib_bytes(Planted(canary))):
            with pytest.raises(UnavailableError, match="the stored model cannot be read"):
                load_model(ModelPackage(content, {}))

    def test_an_array_of_objects_in_a_stored_model(self, canary):
        stored = skops.io.dumps(OneHotEncoder().fit([[1], [2]]))
        array = io.BytesIO()
        np.save(array, np.array([Planted(canary)], dtype=object), allow_pickle=True)
        with pytest.raises(UnavailableError, match="the stored model cannot be read"):
            load_model(ModelPackage(replaced(stored, ".npy", array.getvalue()), {}))

    @pytest.mark.parametrize("called", ["os.system", "builtins.eval", "subprocess.getoutput"])
    def test_a_stored_model_that_names_a_function(self, canary, called):
        module, name = called.split(".")
        schema = {
            "__class__": name,
            "__module__": module,
            "__loader__": "FunctionNode",
            "__id__": 1,
            "content": {"module_path": module, "function": name},
            "protocol": 2,
            "_skops_version": "0.16.0",
        }
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            archive.writestr("schema.json", json.dumps(schema))
        with pytest.raises((ProjectFileError, UnavailableError), match=f"{called}|cannot be read"):
            load_model(ModelPackage(written.getvalue(), {}))


def joblib_bytes(thing):
    written = io.BytesIO()
    joblib.dump(thing, written)
    return written.getvalue()


def replaced(archive, ending, content):
    """A stored model with other content in its members of one kind."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(written, "w") as new:
        assert any(name.endswith(ending) for name in old.namelist())
        for name in old.namelist():
            new.writestr(name, content if name.endswith(ending) else old.read(name))
    return written.getvalue()


class TestTables:
    @pytest.fixture
    def table(self, tmp_path, canary):
        """Parquet whose column says that its type is in a pickle, and whose cells are pickles."""
        pickled = pickle.dumps(Planted(canary))
        said = {
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": pickled,
        }
        fields = [pa.field("a", pa.binary(), metadata=said), pa.field("b", pa.binary())]
        about = {"index_columns": [], "column_indexes": [], "pandas_version": "3.0.0"}
        about["columns"] = [
            {"name": n, "field_name": n, "pandas_type": "object", "numpy_type": "object",
             "metadata": None}
            for n in "ab"
        ]  # fmt: skip
        schema = pa.schema(fields, metadata={b"pandas": json.dumps(about).encode()})
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.table([[pickled], [pickled]], schema=schema), path)
        return path

    def test_cells_and_types_stay_bytes(self, table, canary):
        source = read_source(table, SourceSection(path=table.name)).table
        assert source.column("b").to_pylist() == [pickle.dumps(Planted(canary))]
        source.to_pandas()
        assert list(read_snapshot(table)["b"]) == [pickle.dumps(Planted(canary))]

    def test_a_pickled_frame_is_no_source(self, tmp_path, canary):
        path = tmp_path / "rows.parquet"
        path.write_bytes(pickle.dumps(Planted(canary)))
        found = read_source(path, SourceSection(path=path.name))
        assert found.problem.startswith("rows.parquet is a pickle, which is never opened")
        with pytest.raises(UnavailableError, match="cannot be read"):
            read_snapshot(path)


TAGS = ("!!python/object/apply:os.system [{0}]", "!!python/name:os.system", "!!python/module:os")


DEEP = "description: " + "[" * 5000 + "]" * 5000
ENDLESS = "description: &a [*a]"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in itertools.pairwise("abcdefghi")
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in itertools.pairwise("abcdefghi")
)


class TestProjectFiles:
    @pytest.mark.parametrize("tag", TAGS)
    def test_a_tag_of_yaml_makes_no_object(self, tmp_path, canary, tag):
        value = tag.format(f"touch {canary}")
        path = write_small(tmp_path, text=f"{SMALL}description: {value}\n")
        with pytest.raises(ProjectFileError, match="could not determine a constructor"):
            load_project(path)
        with pytest.raises(UsageError, match=r"--set .* is not valid YAML: could not determine"):
            load_project(write_small(tmp_path), [f"description={value}"])
        rules = tmp_path / "rules.yaml"
        rules.write_text(f"yes: {{definition: {value}}}\n")
        with pytest.raises(ProjectFileError, match="not valid YAML"):
            read_rules(rules)

    @pytest.mark.parametrize("text", [DEEP, ENDLESS, LAUGHS, MERGES], ids=range(4))
    def test_a_file_that_grows_without_end_is_refused(self, tmp_path, text):
        with pytest.raises(ProjectFileError, match=r"project\.yaml nests or repeats more than"):
            load_project(write_small(tmp_path, text=f"{text}\n"))

    @pytest.mark.parametrize(
        "condition",
        [
            "__import__('os').system('touch {0}') == 0",
            "age > 1 and open('{0}', 'w')",
            "[x for x in ().__class__.__base__.__subclasses__()]",
            "age.__class__ == 'x'",
            "@age > 1",
            "col(open('{0}', 'w')) > 1",
            "age > (lambda: open('{0}', 'w'))()",
            "age in open('{0}', 'w')",
        ],
    )
    def test_a_condition_runs_nothing(self, canary, condition):
        from tasks.conditions import parse_condition

        with pytest.raises(ProjectFileError, match="position"):
            parse_condition(condition.format(canary)).mask(pd.DataFrame({"age": [1.0]}))

    def test_words_of_a_template_stay_words(self, tmp_path):
        text = "{{ cycler.__init__.__globals__.os.system('x') }}{% for a in b %}"
        loaded = load_project(write_small(tmp_path, text=f'{SMALL}description: "{text}"\n'))
        assert loaded.project.description == text


def test_modules_beside_a_project_are_not_imported_by_what_up_starts(tmp_path):
    """`python -m` would look in the folder that the command was given in first."""
    import subprocess
    import sys

    from flows.services.server import own_module

    for name in ("json", "uvicorn", "prefect", "flows"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    words = own_module("flows.services.server", "nothing", "to", "serve")
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert words[0] == sys.executable
    assert "ValueError" in done.stderr  # 'to' is no port: our own module was reached
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["prefect.toml", ".env", "pyproject.toml"])
def test_settings_of_prefect_beside_a_project_run_no_code(tmp_path, name):
    """A description of logging can name a function to be called; Prefect looks for it here."""
    import subprocess
    import sys

    logging = tmp_path / "logging.yml"
    made = {"()": "subprocess.getoutput", "cmd": f"touch {tmp_path / 'canary'}"}
    described = {"version": 1, "handlers": {"x": made}, "root": {"handlers": ["x"]}}
    logging.write_text(json.dumps(described))
    (tmp_path / name).write_text(
        {
            "prefect.toml": f'[logging]\nconfig_path = "{logging}"\n',
            "pyproject.toml": f'[tool.prefect.logging]\nconfig_path = "{logging}"\n',
            ".env": f"PREFECT_LOGGING_CONFIG_PATH={logging}\n",
        }[name]
    )
    read = "from prefect.logging.configuration import setup_logging; setup_logging()"
    ours = "from pathlib import Path; from flows.services.home import configure_environment as c; "
    root = str(Path(__file__).resolve().parents[1])
    kept = {n: v for n, v in os.environ.items() if not n.startswith("PREFECT")}
    environment = {**kept, "PYTHONPATH": root, "PREFECT_HOME": str(tmp_path / "prefect")}
    for begin, is_there in ((f"{ours}c(Path('home')); ", False), ("", True)):
        words = [sys.executable, "-P", "-c", begin + read]
        subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert (tmp_path / "canary").exists() == is_there, begin
