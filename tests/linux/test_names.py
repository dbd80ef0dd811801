"""The names that the room promises are there, in a program that has asked for nothing else."""

import subprocess
import sys


def test_every_name_of_the_room_is_loaded_when_it_is_first_used() -> None:
    for_each = "from cutaway import linux\nfor name in linux.__all__: assert getattr(linux, name), name"
    subprocess.run([sys.executable, "-c", for_each], check=True)


def test_the_module_of_walls_is_there_before_anything_else_was_used() -> None:
    subprocess.run([sys.executable, "-c", "from cutaway import linux; linux.confined.evaluate"], check=True)
