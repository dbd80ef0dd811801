"""Lab 06, Unpack an image: what each task asks for, seen in the folder that was unpacked and in what lies beside it.

The layers are made on the spot, with names that nobody has seen; the notebook is told where they and an empty folder
are. What should be in the folder is written beside each question in the lab's own lines; for a learner's own layers
it is what the course's unpacker makes of them, in this process.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from cutaway.check.bench import READ_IT, Bench
from cutaway.check.contract import Missed, asks
from cutaway.check.layered import Lines, own_layers, own_trap, packed, tree, wanted
from cutaway.images import layers as course

# --- A place to unpack in ----------------------------------------------------


class Scene:
    """An empty folder for an image, three steps down in one of ours; what lies beside it must stay as it is."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.top = Path(bench.folder(secrets.token_hex(4))).resolve()
        self.image, self.outside = self.top / "one/two/image", self.top / "outside"
        for folder in (self.image, self.outside):
            folder.mkdir(parents=True)
        self.secret = self.outside / "secret"
        self.secret.write_text("secret")
        self.before = self.beside()

    def beside(self) -> list[str]:
        """All that is not in the image."""
        return [line for line in tree(self.top) if "one/two/image/" not in line]

    def unpack(self, *layers: Lines) -> list[str]:
        """What the image holds when these layers were unpacked; Missed when that raises, or touches what is beside."""
        tars = packed(self.bench.folder(secrets.token_hex(4)), layers)
        try:
            self.bench.call("unpack", tars, str(self.image))
        except Missed as said:
            self.stays_as_it_was(layers)
            hint = f"Run try_it({self.in_a_cell(layers)}) in a cell and read the traceback from below."
            raise missed(f"{said_of(layers)}: {said.observed}", hint if said.hint == READ_IT else said.hint) from None
        self.stays_as_it_was(layers)
        return tree(self.image)

    def in_a_cell(self, layers: Sequence[Lines]) -> str:
        """The layers as a learner writes them; in place of ours, a folder that will still be there."""
        said = ", ".join(str([line.replace(str(self.outside), "{lab.folder}") for line in each]) for each in layers)
        return re.sub(r"('[^']*\{lab\.folder\})", r"f\1", said)

    def gives(self, lines: Lines, *layers: Lines, hint: str, or_folders: bool = False) -> None:
        """The layers become just these; a mark in a folder that is not there may or may not make it (`or_folders`)."""
        seen, right = self.unpack(*layers), wanted(lines)
        too_much = [each for each in seen if each not in right and not (or_folders and each.endswith("/"))]
        lacking = [each for each in right if each not in seen]
        if too_much or lacking:
            found = [f"there is {shown(too_much)}"] if too_much else []
            lacks = [f"there should be {shown(lacking)}"] if lacking else []
            raise missed(f"{said_of(layers)}: {', and '.join(found + lacks)}", hint)

    def refuses(self, *layers: Lines, hint: str) -> None:
        """The layers are refused, and nothing beside the image is touched."""
        try:
            self.unpack(*layers)
        except Missed as said:
            if "raised Refused" not in said.observed:
                raise
        else:
            raise missed(f"{said_of(layers)}: this was unpacked and should be refused", hint)

    def stays_as_it_was(self, layers: Sequence[Lines]) -> None:
        """Nothing beside the image was made, changed or removed."""
        if self.secret.exists() and self.secret.stat().st_nlink > 1:
            raise missed(
                f"{said_of(layers)}: outside/secret, beside the folder, has a second name now, in the image",
                "Where does the other name of a hard link lead? You have a function that answers this.",
            )
        if (after := self.beside()) != self.before:
            changed = [each for each in [*after, *self.before] if each not in after or each not in self.before]
            raise missed(
                f"{said_of(layers)}: beside the folder, this was made, changed or removed: {shown(changed)}",
                "By which name did your function come there, and what did it follow on the way?",
            )


def missed(observed: str, hint: str) -> Missed:
    return Missed(observed, hint, final=True)


def said_of(layers: Sequence[Lines]) -> str:
    """The layers in words; of long ones the beginning."""
    text = " under ".join(f"[{', '.join(lines)}]" for lines in layers)
    return text if len(text) <= 200 else f"{text[:190]} ..."


def shown(lines: Sequence[str]) -> str:
    return ", ".join(lines[:4]) + (" ..." if len(lines) > 4 else "")


def word() -> str:
    """A name that nobody has seen."""
    return f"n{secrets.token_hex(2)}"


# --- Task 1: where a name leads ----------------------------------------------


def placed(bench: Bench, folder: Path, name: str) -> object:
    return bench.call("place", str(folder), name).value


@asks(task=1, points=1)
def ordinary_names_lead_to_the_right_place(bench: Bench) -> None:
    scene, a, b = Scene(bench), word(), word()
    places = {
        a: a, f"{a}/{b}": f"{a}/{b}", f"./{a}//{b}": f"{a}/{b}", f"{a}/./{b}/": f"{a}/{b}", ".": "",
        f"..{a}/{b}..": f"..{a}/{b}..", f"{a}/.../{b}": f"{a}/.../{b}",
    }  # fmt: skip
    for name, place in places.items():
        right = str(scene.image / place)
        try:
            said = placed(bench, scene.image, name)
        except Missed as missing:
            hint = "Is every name with a dot in it evil? Look at one step of it at a time."
            raise missed(
                f"the name {name!r}: {missing.observed}", hint if "Refused" in missing.observed else missing.hint
            ) from None
        if said != right:
            raise missed(
                f"the name {name!r} in the folder {scene.image} belongs at {right}, and place gave {said!r}",
                "Which steps has the name, and which of them mean something?",
            )


@asks(task=1, points=1, needs=[ordinary_names_lead_to_the_right_place])
def names_that_begin_elsewhere_or_go_up_are_refused(bench: Bench, _: None) -> None:
    scene, a = Scene(bench), word()
    for name in (f"../{a}", f"{a}/../../{a}", f"{a}/..", f"/{a}", f"{scene.outside}/secret", f"./../{a}"):
        hint = "How does one find out, from the name alone, where it begins and that it goes up?"
        must_be_refused(bench, scene, name, f"the name {name!r}", hint)


@asks(task=1, points=1, needs=[ordinary_names_lead_to_the_right_place])
def a_way_through_a_link_is_refused(bench: Bench, _: None) -> None:
    scene, a, b, c = Scene(bench), word(), word(), word()
    (scene.image / b / c).mkdir(parents=True)
    links = {a: str(scene.outside), f"{b}/up": "../../..", f"{b}/in": c, f"{b}/nowhere": "nothing"}
    for name, target in links.items():
        (scene.image / name).symlink_to(target)
    hint = "Look at every step on the way, also in the middle: is it a folder, or only something that leads to one?"
    for name in (f"{a}/secret", f"{b}/up/secret", f"{b}/in/x", f"{a}/x/y", f"{b}/nowhere/x"):
        link = next(each for each in links if name.startswith(f"{each}/"))
        must_be_refused(bench, scene, name, f"{link} is a link to {links[link]}; the name {name!r}", hint)


def must_be_refused(bench: Bench, scene: Scene, name: str, asked: str, hint: str) -> None:
    try:
        said = placed(bench, scene.image, name)
    except Missed as missing:
        if "raised Refused" not in missing.observed:
            raise missed(f"{asked}: {missing.observed}", missing.hint) from None
    else:
        raise missed(f"{asked} should be refused, and place gave {said!r}", hint)


@asks(task=1, points=1, needs=[ordinary_names_lead_to_the_right_place])
def a_link_at_the_last_step_is_no_reason_to_refuse(bench: Bench, _: None) -> None:
    scene, a, b = Scene(bench), word(), word()
    (scene.image / a).mkdir()
    (scene.image / a / b).symlink_to(scene.outside)
    try:
        said = placed(bench, scene.image, f"{a}/{b}")
    except Missed as missing:
        hint = "Does one go through what lies at the end?"
        raise missed(
            f"a link lies at {a}/{b}: {missing.observed}", hint if "Refused" in missing.observed else missing.hint
        ) from None
    if said != str(scene.image / a / b):
        raise missed(
            f"a link lies at {a}/{b}, and for that name place gave {said!r}",
            "Is that the place in the folder, or the place to which the link leads?",
        )


# --- Task 2: what a member becomes -------------------------------------------


@asks(task=2, points=1, needs=[ordinary_names_lead_to_the_right_place])
def files_have_their_bytes_and_permissions(bench: Bench, _: None) -> None:
    a, b, c = word(), word(), word()
    lines = [
        f"{a} = {word()}",
        f"600 {b} = {word()}",
        f"755 {c} = #!/bin/sh",
        "666 open = to all",
        f"4711 {c}s = {word()}",
    ]
    Scene(bench).gives(
        lines, lines, hint="What do the bytes of the file say, and what its mode? Did umask take some away?"
    )


@asks(task=2, points=1, needs=[files_have_their_bytes_and_permissions])
def folders_have_their_permissions_and_missing_ones_are_made(bench: Bench, _: None) -> None:
    a, b = word(), word()
    hint = "Which permissions has the folder afterwards? And who made those on the way?"
    lines = [f"{a}/", f"1777 {a}/tmp/", f"777 {a}/tmp/{b}/", f"700 {b}/", f"{b}/x = y"]
    Scene(bench).gives(lines, lines, hint=hint)
    seen = Scene(bench).unpack([f"{a}/{b}/deep = x"])
    if [line for line in seen if line.endswith("/")] == [] or f"644 {a}/{b}/deep = x" not in seen:
        raise missed(f"[{a}/{b}/deep = x]: there is {shown(seen) or 'nothing'}", hint)


@asks(task=2, points=1, needs=[files_have_their_bytes_and_permissions])
def links_stay_as_they_are_written(bench: Bench, _: None) -> None:
    scene, a, b = Scene(bench), word(), word()
    lines = [f"{a} -> {scene.outside}/secret", f"{b} -> ../../{a}", "none -> nothing/here", "abs -> /etc/passwd"]
    scene.gives(lines, lines, hint="Does your function write down what the link says, or look where it leads?")


@asks(task=2, points=1, needs=[files_have_their_bytes_and_permissions])
def a_hard_link_is_a_second_name_and_leads_to_nothing_outside(bench: Bench, _: None) -> None:
    scene, a, b = Scene(bench), word(), word()
    lines = [f"{a}/", f"{a}/first = {word()}", f"{b} == {a}/first"]
    scene.gives([f"{a}/", f"{a}/first == {b}", f"644 {b} = {lines[1].partition(' = ')[2]}"] if b < a else lines, lines,
                hint="How many files are there, by their inode numbers (os.lstat), and how many names?")  # fmt: skip
    for evil in ("../../../outside/secret", str(scene.outside / "secret")):
        Scene(bench).refuses([f"{a} == {evil}"], hint="May this name lead anywhere? Who finds that out?")
    other = Scene(bench)
    other.refuses([f"{a} -> {other.outside}", f"{b} == {a}/secret"], hint="Which of the two names goes through a link?")


@asks(task=2, points=1, needs=[files_have_their_bytes_and_permissions])
def a_device_is_refused(bench: Bench, _: None) -> None:
    scene = Scene(bench)
    scene.refuses([f"{word()} #"], hint="Which of the questions to a member does a device answer with yes?")
    if left := tree(scene.image):
        raise missed(f"a device was refused, and left {shown(left)}", "What was made before it was refused?")


# --- Task 3: what must go ----------------------------------------------------


@asks(task=3, points=1, needs=[files_have_their_bytes_and_permissions])
def a_file_takes_the_place_of_a_file(bench: Bench, _: None) -> None:
    a, b, old, new = word(), word(), word(), word()
    Scene(bench).gives(
        [f"{b} = {old}", f"600 {a} = {new}"], [f"{a} = {old}", f"{b} == {a}"], [f"600 {a} = {new}"],
        hint="The old file has two names. What became of its bytes, and who wrote there?",
    )  # fmt: skip


@asks(task=3, points=1, needs=[folders_have_their_permissions_and_missing_ones_are_made])
def a_folder_over_a_folder_leaves_what_is_in_it(bench: Bench, _: None) -> None:
    a, b = word(), word()
    Scene(bench).gives(
        [f"700 {a}/", f"{a}/{b}/", f"{a}/{b}/x = 1", f"{a}/y = 2"],
        [f"{a}/", f"{a}/{b}/", f"{a}/{b}/x = 1"], [f"700 {a}/", f"{a}/y = 2"],
        hint="Two layers have this folder. What is in it, and which permissions has it?",
    )  # fmt: skip


@asks(task=3, points=1, needs=[a_file_takes_the_place_of_a_file], name="a file and a folder take each other's place")
def a_file_and_a_folder_change_places(bench: Bench, _: None) -> None:
    a, b = word(), word()
    Scene(bench).gives(
        [f"{a} = now", f"{b}/", f"{b}/x = 1"],
        [f"{a}/", f"{a}/x = 1", f"{a}/deep/", f"{a}/deep/y = 2", f"{b} = 3"], [f"{a} = now", f"{b}/", f"{b}/x = 1"],
        hint="What lies there, what comes, and what must be gone before it can?",
    )  # fmt: skip


@asks(task=3, points=1, needs=[links_stay_as_they_are_written, a_file_takes_the_place_of_a_file])
def a_link_is_replaced_and_what_it_led_to_untouched(bench: Bench, *_: None) -> None:
    scene, a, b, c = Scene(bench), word(), word(), word()
    below = [f"{a} -> {scene.outside}/secret", f"{b} -> {scene.outside}", f"{c} -> gone"]
    above = [f"{a} = now", f"{b}/", f"{b}/x = 1", f"{c} -> elsewhere"]
    scene.gives(above, below, above, hint="Ask about the link itself, and not about what it leads to. Is it a folder?")


# --- Task 4: whiteouts -------------------------------------------------------


@asks(
    task=4,
    points=1,
    needs=[a_folder_over_a_folder_leaves_what_is_in_it],
    name="a file, a folder and a link go, and nothing else",
)
def just_this_goes(bench: Bench, _: None) -> None:
    scene, a, b, c = Scene(bench), word(), word(), word()
    base = [
        f"{a}/",
        f"{a}/x = 1",
        f"{a}/xx = 2",
        f"{b}/",
        f"{b}/d/",
        f"{b}/d/y = 3",
        f"{c} -> {scene.outside}",
        "l -> nowhere",
    ]
    marks = [f"{a}/.wh.x", f".wh.{b}", f".wh.{c}", ".wh.l"]
    scene.gives(
        [f"{a}/", f"{a}/xx = 2"],
        base,
        marks,
        hint="What lies at that name: a file, a folder or a link? What goes with it, and what does not?",
    )


@asks(task=4, points=1, needs=[a_folder_over_a_folder_leaves_what_is_in_it])
def a_whiteout_of_nothing_does_nothing(bench: Bench, _: None) -> None:
    a = word()
    Scene(bench).gives(
        [f"{a}/", f"{a}/x = 1"], [f"{a}/", f"{a}/x = 1"], [f"{a}/.wh.y", f".wh.{word()}", f"{word()}/.wh.z"],
        hint="What if that name was never there?", or_folders=True,
    )  # fmt: skip


@asks(task=4, points=1, needs=[just_this_goes])
def what_the_same_layer_brings_stays(bench: Bench, _: None) -> None:
    a, b = word(), word()
    for marked in (
        [f"{a} = new", f".wh.{a}"],
        [f".wh.{a}", f"{a} = new"],
        [f"{b}/", f"{b}/x = new", f"{b}/.wh.x", f".wh.{a}"],
    ):
        right = [f"{b}/", f"{b}/x = new"] if len(marked) == 4 else [f"{a} = new", f"{b}/", f"{b}/x = old"]
        Scene(bench).gives(
            right,
            [f"{a} = old", f"{b}/", f"{b}/x = old"],
            marked,
            hint="Whose file is there now: one of the layers below, or one of this layer?",
        )


@asks(task=4, points=1, needs=[what_the_same_layer_brings_stays])
def in_a_folder_of_the_same_layer_only_the_old_goes(bench: Bench, _: None) -> None:
    a, b = word(), word()
    base = [f"{a}/", f"{a}/old = 1", f"{a}/{b}/", f"{a}/{b}/old = 2", f"{a}/gone/", f"{a}/gone/x = 3"]
    Scene(bench).gives(
        [f"{a}/", f"{a}/new = 4", f"{a}/{b}/", f"{a}/{b}/new = 5"],
        base, [f"{a}/", f"{a}/new = 4", f"{a}/{b}/", f"{a}/{b}/new = 5", f".wh.{a}"],
        hint="Go through what lies in the folder, one by one, and ask of each whose it is; and of what lies in that?",
    )  # fmt: skip


# --- Task 5: opaque folders --------------------------------------------------


@asks(task=5, points=1, needs=[just_this_goes])
def nothing_of_the_layers_below_shows_through(bench: Bench, _: None) -> None:
    a, b = word(), word()
    hint = "Which folder is it that the mark lies in? What is in it now, and may it be missing?"
    base = [f"{a}/", f"{a}/x = 1", f"{a}/{b}/", f"{a}/{b}/y = 2", f"{b}/", f"{b}/z = 3", f"{a}/.hidden = 4"]
    Scene(bench).gives([f"{a}/", f"{b}/", f"{b}/z = 3"], base, [f"{a}/.wh..wh..opq"], hint=hint)
    Scene(bench).gives(["new = 5"], base, [".wh..wh..opq", "new = 5"], hint=hint)
    Scene(bench).gives(base, base, [f"none{a}/.wh..wh..opq"], hint=hint, or_folders=True)


@asks(
    task=5, points=1, needs=[nothing_of_the_layers_below_shows_through, in_a_folder_of_the_same_layer_only_the_old_goes]
)
def what_the_layer_itself_brings_stays_at_every_depth(bench: Bench, *_: None) -> None:
    a, b = word(), word()
    base = [f"{a}/", f"{a}/x = 1", f"{a}/{b}/", f"{a}/{b}/old = 2"]
    own, mark = [f"{a}/", f"{a}/x = 3", f"{a}/{b}/", f"{a}/{b}/new = 4"], f"{a}/.wh..wh..opq"
    for layer in ([*own, mark], [mark, *own], [*own[:2], mark, *own[2:]]):
        Scene(bench).gives(
            own,
            base,
            layer,
            hint="Whose are the files in the folder when the mark is read? Does it matter when that is?",
        )


@asks(
    task=5,
    points=1,
    needs=[what_the_layer_itself_brings_stays_at_every_depth, a_link_is_replaced_and_what_it_led_to_untouched],
)
def your_own_layers_become_their_files_and_the_trap_is_refused(bench: Bench, *_: None) -> None:
    mine, trap = own_layers(bench.learner.random("layers")), own_trap(bench.learner.random("trap"))
    right = Scene(bench)
    tars = packed(bench.folder(secrets.token_hex(4)), mine)
    course.unpack([Path(each).read_bytes() for each in tars], right.image)
    Scene(bench).gives(
        tree(right.image),
        *mine,
        hint="Run try_it(*mine[:1]), then with two and with all three layers: which one goes wrong?",
    )
    Scene(bench).refuses(*mine, trap, hint="Which of its names leads out?")
