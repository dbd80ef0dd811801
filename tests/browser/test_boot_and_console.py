"""The reader's hands on lesson 05: through a boot with the keyboard, and a line for the machine's console."""

from __future__ import annotations

from playwright.sync_api import expect
from screen import Screen

LESSON = "notebooks/05-a-whole-computer.ipynb"
ENDS_WITHIN = "box => box.lastElementChild.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom"
CELLS = ("setup", "kernel-predict", "kernel-experiment", "boot-timeline", "console")


def test_a_boot_is_gone_through_and_the_console_answers(screen: Screen) -> None:
    screen.open(LESSON)
    screen.run_cells(*CELLS)
    boot = screen.output("boot-timeline")
    expect(boot.locator("tr").first).to_contain_text("the kernel's first line")
    expect(boot.locator("tr.ahead")).to_have_count(0)
    boot.locator(".noUi-handle").focus()
    for ahead in (1, 2):
        screen.page.keyboard.press("ArrowLeft")
        expect(boot.locator("tr.ahead")).to_have_count(ahead)
    screen.picture("boot-timeline")
    console = screen.output("console")
    expect(console.get_by_role("log")).to_contain_text("virtio_net")
    line = console.get_by_role("textbox")
    line.fill("echo the user is $(id -un); ls /nowhere")
    line.press("Enter")
    expect(console.get_by_role("log")).to_contain_text("the user is root")
    expect(console.get_by_role("log")).to_contain_text("No such file or directory")
    line.fill("echo once more")
    console.get_by_role("button", name="Run").click()
    expect(console.get_by_role("log")).to_contain_text("# echo once more\nonce more")
    assert console.get_by_role("log").inner_text().count("# echo once more") == 1, "leaving the line ran it, too"
    line.fill("seq 300")
    line.press("Enter")
    expect(console.get_by_role("log")).to_contain_text("299\n300")
    assert console.locator(".cutaway-console-end").evaluate(ENDS_WITHIN), "the newest line is below the edge"
    screen.picture("machine-console")
