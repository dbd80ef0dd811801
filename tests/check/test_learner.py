"""A learner's parameters come from the lab's and the learner's names alone."""

import hashlib
import re

import pytest

from cutaway.check.learner import PORTS, Learner


def test_the_seed_is_the_first_eight_bytes_of_the_digest_of_lab_and_learner() -> None:
    digest = hashlib.sha256(b"cutaway:04-isolate:ada").digest()
    assert Learner("04-isolate", "ada").seed == int.from_bytes(digest[:8], "big")


def test_parameters_are_the_same_wherever_and_whenever_they_are_drawn() -> None:
    """Pinned: a release of Python or of ours that draws otherwise would make every handed-in answer wrong."""
    ada = Learner("04-isolate", "ada")
    assert (ada.hostname, ada.word, ada.port) == PINNED


PINNED = ("ruby-bittern-913", "quartz-8851", 21307)


def test_no_two_of_three_hundred_learners_have_the_same_parameters() -> None:
    drawn = [Learner("04-isolate", f"student-{number}") for number in range(300)]
    assert len({(each.hostname, each.word, each.port) for each in drawn}) == 300
    assert len({each.seed for each in drawn}) == 300


def test_the_same_learner_has_other_parameters_in_another_lab() -> None:
    assert Learner("04-isolate", "ada").hostname != Learner("05-limit", "ada").hostname


def test_parameters_are_what_they_are_to_be_used_as() -> None:
    for number in range(300):
        learner = Learner("04-isolate", f"student-{number}")
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{3}", learner.hostname)
        assert len(learner.hostname) <= 63  # RFC 1035, 2.3.4
        assert re.fullmatch(r"[a-z]+-\d{4}", learner.word)
        assert learner.port in PORTS


def test_the_learner_is_who_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUTAWAY_LEARNER", raising=False)
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "login")
    assert Learner.here("04-isolate").name == "login"
    monkeypatch.setenv("JUPYTERHUB_USER", "hub")
    assert Learner.here("04-isolate").name == "hub"
    monkeypatch.setenv("CUTAWAY_LEARNER", "said")
    assert Learner.here("04-isolate").name == "said"
