"""A prediction is kept before the experiment and shown beside what happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from cutaway.panels import Predict
from cutaway.panels.predict import KEPT

OLD, NEW = "its old name", "inner"


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predict:
    monkeypatch.chdir(tmp_path)
    return ask()


def ask() -> Predict:
    return Predict("What is the machine called <afterwards>?", [NEW, OLD], key="uts")


def shown(thing: object) -> dict[str, str]:
    data, _ = DisplayFormatter().format(thing)
    return dict(data)


def press(predict: Predict, answer: str | None) -> None:
    predict._answers.value = answer
    predict._button.click()


def test_without_a_reader_only_what_happened_is_shown(name: Predict, tmp_path: Path) -> None:
    assert repr(name.reveal(OLD)) == "Outcome: its old name"
    assert not (tmp_path / KEPT).exists()


def test_a_prediction_stands_beside_what_happened(name: Predict) -> None:
    press(name, NEW)
    assert repr(name.reveal(OLD)) == "You predicted: inner\nOutcome: its old name"


def test_nothing_is_chosen_until_the_reader_chooses(name: Predict) -> None:
    assert name._answers.value is None
    press(name, None)
    assert name.choice is None
    assert "Choose one" in name._said.value


def test_an_earlier_prediction_is_there_when_the_page_is_run_again(name: Predict) -> None:
    press(name, NEW)
    again = ask()
    assert (again.choice, again._answers.value) == (NEW, NEW)
    assert "Your prediction: inner" in again._said.value


def test_predictions_of_one_page_do_not_disturb_one_another(name: Predict) -> None:
    press(name, NEW)
    other = Predict("And then?", ["yes", "no"], key="user")
    press(other, "no")
    assert (name.choice, other.choice) == (NEW, "no")


def test_an_answer_that_the_page_no_longer_offers_is_forgotten(name: Predict) -> None:
    press(name, NEW)
    assert Predict("The same, with other answers", ["a", "b"], key="uts").choice is None


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"uts": 7}', "\xff"])
def test_a_damaged_file_of_predictions_is_read_as_none(name: Predict, tmp_path: Path, damaged: str) -> None:
    (tmp_path / KEPT).write_text(damaged, encoding="latin-1")
    assert name.choice is None
    press(name, OLD)
    assert name.choice == OLD


def test_a_prediction_that_cannot_be_kept_is_one_sentence(name: Predict, tmp_path: Path) -> None:
    (tmp_path / KEPT).mkdir()
    press(name, OLD)
    assert "could not be kept: writing .predictions.json: Is a directory." in name._said.value


def test_committing_to_an_answer_that_is_not_offered_names_those_that_are(name: Predict) -> None:
    with pytest.raises(ValueError, match=r"predicting 'both': the answers are inner, its old name"):
        name.commit("both")


def test_on_paper_the_question_stands_with_its_answers_and_no_widget_is_needed(name: Predict) -> None:
    data = shown(name)
    assert data["text/plain"].splitlines() == [
        "Predict: What is the machine called <afterwards>?",
        "  ( ) inner",
        "  ( ) its old name",
    ]
    assert "<li>its old name</li>" in data["text/html"]
    assert "&lt;afterwards&gt;" in data["text/html"]


def test_what_is_announced_is_a_status_that_a_screen_reader_reads_out(name: Predict) -> None:
    assert 'role="status"' in name._said.value


def test_the_outcome_is_a_table_with_row_headings(name: Predict) -> None:
    assert '<th scope="row">Outcome</th><td>its old name</td>' in shown(name.reveal(OLD))["text/html"]
