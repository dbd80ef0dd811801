import subprocess
import sys

import pytest

from cutaway.draw import Arrow, Drawing, container, hardware, in_rows, kernel, legend, private, process, shared

web = private(container("web", process("nginx")))
database = private(container("database", process("MariaDB")))
two_containers = Drawing(
    hardware(shared(kernel(web, database))),
    title="Two containers",
    description="Two containers on one kernel.",
    arrows=[Arrow(web, "port 3306", database)],
)


def test_a_drawing_reads_as_its_sorted_list_of_edges():
    assert repr(two_containers).splitlines() == [
        "container database > process MariaDB",
        "container web -> container database: port 3306",
        "container web > process nginx",
        "hardware > kernel",
        "kernel > container database",
        "kernel > container web",
    ]


def test_a_drawing_of_one_box_reads_as_its_name():
    assert repr(Drawing(kernel("Linux"), title="A kernel", description="A kernel.")) == "kernel Linux"


def test_in_words_a_drawing_says_what_lies_in_what_and_who_shares_it():
    assert two_containers.words.splitlines() == [
        "Two containers on one kernel.",
        "hardware",
        "  kernel (shared)",
        "    container web (private)",
        "      process nginx",
        "    container database (private)",
        "      process MariaDB",
        "container web -> container database: port 3306",
    ]


def test_marking_and_arranging_leave_the_original_alone():
    plain = container("web")
    assert (private(plain), shared(plain), in_rows(plain, of=2)) != (plain, plain, plain)
    assert plain == container("web")


@pytest.mark.parametrize("evil", ["bell\a", "two\nlines", "null\0", "\x1b[31mred", "\ud800"])
def test_what_xml_forbids_is_replaced_in_a_line(evil):
    assert "\N{REPLACEMENT CHARACTER}" in process(evil).label
    assert "\N{REPLACEMENT CHARACTER}" in Arrow(web, evil, database).word


def test_the_legend_names_every_kind_and_both_marks():
    words = legend().words
    for word in ("hardware", "hypervisor", "guest kernel", "engine", "namespace", "(shared)", "(private)"):
        assert word in words


def test_importing_the_drawings_does_not_import_graphviz():
    code = "import sys, cutaway.draw; print('graphviz' in sys.modules, 'docker' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert answer.split() == ["False", "False"]
