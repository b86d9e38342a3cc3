"""Every mistake gets one clear sentence, exit code 2, and leaves nothing half-written."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def truncated(path):
    parquet(path, a=list(range(1000)))
    path.write_bytes(path.read_bytes()[:-200])
    return path


MISTAKES = {
    "empty file": ("e.csv", b"", "e.csv is empty"),
    "header only": ("h.csv", b"a,b,c\n", "no rows"),
    "one row": ("one.csv", b"a,b\n1,2\n", "row"),
    "duplicate names": ("d.csv", b"a,a,b\n1,2,3\n4,5,6\n", "'a'"),
    "empty name": ("n.csv", b"a,,b\n1,2,3\n4,5,6\n", "name"),
    "not a Parquet file": ("x.parquet", b"hello world, this is text", "x.parquet"),
    "not a gzip file": ("x.csv.gz", b"a,b\n1,2\n", None),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_bad_file_gets_one_sentence(abbild, tmp_path, case):
    name, content, words = MISTAKES[case]
    (tmp_path / name).write_bytes(content)
    done = abbild("proxy", name, "-o", "out", ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2  # the sentence and its hint
    if words:
        assert words in done.stderr
    assert not (tmp_path / "out" / "data.parquet").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["proxy", "nothere.csv", "-o", "out"], "nothere.csv"),
        (["proxy", ".", "-o", "out"], "folder"),
        (["proxy", "postgresql://host/db", "-o", "out"], "database"),
        (["proxy", "ok.parquet"], "-o FOLDER"),
        (["proxy", "ok.parquet", "-o", "out", "--target", "ag"], "did you mean 'age'"),
        (["proxy", "ok.parquet", "-o", "out", "--engine", "tres"], "did you mean 'trees'"),
        (["proxy", "ok.parquet", "-o", "out", "--preset", "fast"], "preset"),
        (["proxy", "ok.parquet", "-o", "out", "--holdout", "1.5"], "between 0 and 1"),
        (["proxy", "ok.parquet", "-o", "out", "--holdout", "ok.parquet"], "training table itself"),
        (["proxy", "ok.parquet", "-o", "ok.parquet"], "is a file, not a folder"),
        (["proxy", "cut.parquet", "-o", "out"], "cut.parquet"),
        (["proxy", "visits.parquet", "-o", "out"], "--unit"),
        (["proxy", "visits.parquet", "-o", "out", "--unit", "patient_id"], "patient_id"),
        (["sample", "out/model", "-n", "5", "-o", "x.csv"], "holds no model"),
        (["sample", "out/model", "-n", "5", "-o", "x.docx"], "docx"),
        (["audit", "ok.parquet", "--train", "visits.parquet", "-o", "out"], "column"),
    ],
)
def test_a_mistaken_command_gets_one_sentence(abbild, tmp_path, words, said):
    parquet(tmp_path / "ok.parquet", age=list(range(50)), sex=["m", "f"] * 25)
    truncated(tmp_path / "cut.parquet")
    parquet(
        tmp_path / "visits.parquet",
        patient_id=[f"P{k // 5:03d}" for k in range(200)],
        dose=[float(k % 7) for k in range(200)],
    )
    done = abbild(*words, ok=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "out" / "data.parquet").exists()


def test_several_rows_per_person_are_accepted_only_when_said_and_reported(abbild, tmp_path):
    parquet(
        tmp_path / "visits.parquet",
        patient_id=[f"P{k // 5:03d}" for k in range(200)],
        dose=[float(k % 7) for k in range(200)],
    )
    words = ["--unit", "patient_id", "--rows-per-unit", "many", "-o", "out", "--quiet"]
    abbild("proxy", "visits.parquet", *words)
    assert "history" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


SURVIVORS = {
    "one column": {"a": list(range(60))},
    "a column all missing": {"a": list(range(60)), "gone": pa.nulls(60, pa.string())},
    "a constant": {"a": list(range(60)), "same": ["x"] * 60},
    "unique text": {"a": list(range(60)), "t": [f"Text number {k} says hello" for k in range(60)]},
    "emoji names": {"🙂 Größe": [k / 7 for k in range(60)], "日本": ["あ", "い", "う"] * 20},
    "every cell missing": {"a": pa.nulls(60, pa.float64()), "b": pa.nulls(60, pa.string())},
    "two rows": {"a": [1, 2], "b": ["x", "y"]},
    "old and far dates": {
        "d": pa.array([-300_000 + 20_000 * k for k in range(60)], pa.int32()).cast(pa.date32())
    },
    "large whole numbers": {"n": [2**62 + 12_345 * k for k in range(60)]},
    "booleans": {"b": [True, False, None] * 20},
}


@pytest.mark.parametrize("case", SURVIVORS)
def test_an_odd_table_gets_a_whole_result(abbild, tmp_path, case):
    source = parquet(tmp_path / "odd.parquet", **SURVIVORS[case])
    done = abbild("proxy", source, "-o", "out", "--unit", "none", ok=False)
    if done.returncode == 2:  # an honest refusal names what to do
        assert "hint" in done.stderr
        assert case in {"two rows"}
        return
    assert done.returncode == 0, done.stderr
    made = pq.read_table(tmp_path / "out" / "data.parquet")
    assert made.column_names == list(SURVIVORS[case])
    assert (tmp_path / "out" / "report.html").exists()


def test_gzip_and_nul_bytes_do_not_confuse(abbild, tmp_path):
    rows = "\n".join(f"{k},{k % 3}" for k in range(100))
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(f"a,b\n{rows}\n".encode()))
    abbild("proxy", "z.csv.gz", "-o", "out", "--quiet")
    assert gzip.decompress((tmp_path / "out" / "data.csv.gz").read_bytes()).startswith(b"a,b\n")
