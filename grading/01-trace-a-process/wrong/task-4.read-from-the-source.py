"""Caught by: what could not be opened is left out.

It reads the script instead of watching it run, and believes every name in it.
"""


def opened(argv: list[str]) -> list[str]:
    named = set(re.findall(r"/[^\s;)]+", Path(argv[0]).read_text()))
    named |= {
        line for name in named if Path(name).is_file() for line in Path(name).read_bytes().decode("latin1").split()
    }
    return sorted(named)
