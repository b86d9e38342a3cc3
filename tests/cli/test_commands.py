"""The commands as a user types them."""

import pyarrow.parquet as pq

from .conftest import last_json, people_csv


def test_proxy_gives_the_users_own_format_a_model_and_a_report(abbild, people, tmp_path):
    done = abbild("proxy", people, "--target", "gekündigt", "-o", "out")
    out = tmp_path / "out"
    made = {p.name for p in out.iterdir()}
    assert made >= {
        "data.csv", "data.parquet", "report.html", "report.json", "card.json", "schema.yaml",
        "model", "log.jsonl",
    }  # fmt: skip
    head, first = (out / "data.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert head == "kunde;alter;einkommen;stadt;gekündigt"
    assert first.count(";") == 4
    assert "report.html" in done.stdout
    table = pq.read_table(out / "data.parquet")
    assert table.num_rows == 320  # four fifths are learned from, one fifth is the control
    assert set(table["stadt"].to_pylist()) == {"München", "Köln", "Görlitz", "Bonn"}


def test_no_key_of_a_real_customer_is_given_out(abbild, people, tmp_path):
    abbild("proxy", people, "-o", "out", "--quiet")
    real = {line.split(";")[0] for line in people.read_text(encoding="utf-8").splitlines()[1:]}
    made = pq.read_table(tmp_path / "out" / "data.parquet")["kunde"].to_pylist()
    assert not real & set(made)
    assert len(set(made)) == len(made)


def test_sample_goes_on_behind_the_rows_already_given_out(abbild, people, tmp_path):
    abbild("proxy", people, "-o", "out", "--quiet")
    abbild("sample", "out/model", "-n", 100, "-o", "more.csv")
    abbild("sample", "out/model", "-n", 60, "-o", "some.csv")
    more, some = ((tmp_path / f).read_text(encoding="utf-8") for f in ("more.csv", "some.csv"))
    assert more.splitlines()[:61] == some.splitlines()
    given_out = set(pq.read_table(tmp_path / "out" / "data.parquet")["kunde"].to_pylist())
    assert not given_out & {line.split(",")[0] for line in more.splitlines()}


def test_what_if_questions_are_answered_in_rows_that_satisfy_them(abbild, people, tmp_path):
    abbild("proxy", people, "-o", "out", "--quiet")
    where = "alter > 60 and stadt = 'Köln'"
    done = abbild("sample", "out/model", "-n", 50, "--where", where, "-o", "m.parquet", "--json")
    rows = pq.read_table(tmp_path / "m.parquet").to_pylist()
    assert len(rows) == 50
    assert all(r["alter"] > 60 and r["stadt"] == "Köln" for r in rows)
    assert 0 < last_json(done)["effective"] <= 50


def test_audit_of_a_copy_finds_the_leak_and_of_a_proxy_does_not(abbild, tmp_path):
    train, held = people_csv(tmp_path / "t.csv", 3000, 1), people_csv(tmp_path / "h.csv", 3000, 2)
    done = abbild("audit", train, "--train", train, "--holdout", held, "-o", "copy", "--json")
    assert last_json(done)["verdicts"]["privacy"]["level"] == "leak found"
    fresh = people_csv(tmp_path / "f.csv", 3000, 3)
    done = abbild("audit", fresh, "--train", train, "--holdout", held, "-o", "fresh", "--json")
    assert last_json(done)["verdicts"]["privacy"]["level"] != "leak found"


def test_engines_are_compared_in_one_report(abbild, people, tmp_path):
    abbild("proxy", people, "--engine", "copula,independent", "-o", "out", "--quiet")
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "engine independent" in report
    assert (tmp_path / "out" / "data-independent.parquet").exists()


def test_the_guessed_schema_is_shown_written_and_taken_back(abbild, people, tmp_path):
    done = abbild("proxy", people, "--write-schema", "-o", "s.yaml")
    assert "einkommen" in done.stdout
    text = (tmp_path / "s.yaml").read_text(encoding="utf-8")
    assert "gekündigt" in text
    abbild("proxy", people, "--schema", "s.yaml", "-o", "out", "--quiet")


def test_help_shows_an_example(abbild):
    for command in ("proxy", "sample", "audit", "demo", "list", "doctor"):
        assert "Example: abbild" in abbild(command, "--help").stdout


def test_list_and_doctor_name_what_is_installed(abbild):
    done = abbild("list")
    assert "trees" in done.stdout
    assert "csv" in done.stdout.lower()
    assert "numpy" in abbild("doctor").stdout
    assert "fix" in last_json(abbild("doctor", "--json"))["checks"][0]


def test_quiet_says_nothing(abbild, people):
    done = abbild("proxy", people, "-o", "out", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")
