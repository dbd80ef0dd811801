"""Lab 08: every right way passes, no cheat gains a point, and nothing of the machine's is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import verdicts
from answers import answered, master, working_cells
from ordinary import Run
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status
from cutaway.check.learner import Learner
from cutaway.linux import links

LAB = "08-join-two-containers"


def results(folder: Path, task: int | None = None, cells: list[str] | None = None, **answers: str) -> list[Result]:
    """What the checks say of the solution with some cells answered otherwise; or of `cells` alone."""
    return of_cells(LAB, cells or working_cells(answered(master(LAB), **answers)), folder, task)


# --- Three other ways than a bridge and iptables ------------------------------

INSIDE = """
import subprocess, sys

def inside(pid, *words, input=None):
    enter = ["nsenter", "--target", str(pid), "--user", "--preserve-credentials", "--net", "--mount"]
    done = subprocess.run([*enter, *words], capture_output=True, text=True, input=input)
    if done.returncode:
        raise RuntimeError(done.stderr)

def shell(pid, line):
    inside(pid, "sh", "-e", "-c", f"PATH=$PATH:/usr/sbin:/sbin; {line}")
"""

NAME = """
def name_it(places, network, name):
    join(places, network)
    shell(places["web"], f"echo {network['database']} {name} > /etc/hosts")
"""

BY_NFT_AND_MESSAGES = (
    INSIDE
    + NAME
    + '''
BRIDGE = """
import sys
from pyroute2 import IPRoute
host, *boxes = sys.argv[1:]
with IPRoute() as ip:
    ip.link("add", ifname="br", kind="bridge")
    bridge = ip.link_lookup(ifname="br")[0]
    ip.addr("add", index=bridge, address=host, prefixlen=24)
    ip.link("set", index=bridge, state="up")
    for number, pid in enumerate(boxes):
        ip.link("add", ifname=f"port{number}", kind="veth", peer={"ifname": "inner", "net_ns_pid": int(pid)})
        ip.link("set", index=ip.link_lookup(ifname=f"port{number}")[0], master=bridge, state="up")
"""
BOX = """
import sys
from pyroute2 import IPRoute
with IPRoute() as ip:
    inner = ip.link_lookup(ifname="inner")[0]
    ip.addr("add", index=inner, address=sys.argv[1], prefixlen=24)
    ip.link("set", index=inner, state="up")
    if sys.argv[2:]:
        ip.route("add", dst="default", gateway=sys.argv[2])
"""
RULES = """
table ip mine {{
    chain in {{ type nat hook prerouting priority -100; iifname uplink tcp dport {port} dnat to {web}:80; }}
    chain out {{ type nat hook postrouting priority 100; oifname uplink masquerade; }}
    chain through {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ct status dnat accept
        iifname br accept
    }}
}}
"""

def join(places, network, out=()):
    inside(places["host"], sys.executable, "-c", BRIDGE, network["host"], str(places["web"]), str(places["database"]))
    for box in ("web", "database"):
        inside(places[box], sys.executable, "-c", BOX, network[box], network["host"])

def close_off(places, network, name, port):
    name_it(places, network, name)
    shell(places["host"], "echo 1 > /proc/sys/net/ipv4/ip_forward")
    nft = "/usr/sbin/nft"
    inside(places["host"], nft, "-f", "-", input=RULES.format(port=port, web=network["web"]))
'''
)

BY_DIRECT_WIRES = (
    INSIDE
    + NAME
    + '''
def join(places, network):
    """One wire from box to box, and none to the host."""
    web, database = places["web"], places["database"]
    shell(web, f"ip link add direct type veth peer name direct netns {database}")
    for box, other in (("web", "database"), ("database", "web")):
        shell(places[box], f"ip address add {network[box]}/32 dev direct; ip link set direct up")
        shell(places[box], f"ip route add {network[other]} dev direct")

def close_off(places, network, name, port):
    """A second wire from each box to the host, which knows one way to each; no bridge anywhere."""
    name_it(places, network, name)
    host = places["host"]
    shell(host, "echo 1 > /proc/sys/net/ipv4/ip_forward")
    for box in ("web", "database"):
        shell(host, f"ip link add w-{box} type veth peer name second netns {places[box]}")
        shell(host, f"ip address add {network['host']}/32 dev w-{box}; ip link set w-{box} up")
        shell(host, f"ip route add {network[box]} dev w-{box}")
        shell(places[box], "ip link set second up")
        shell(places[box], f"ip route add {network['host']} dev second; ip route add default via {network['host']}")
    shell(host, "iptables -P FORWARD DROP; iptables -A FORWARD ! -i uplink -j ACCEPT")
    shell(host, f"iptables -A FORWARD -d {network['web']} -p tcp --dport 80 -j ACCEPT")
    shell(host, "iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    shell(host, f"iptables -t nat -A POSTROUTING -o uplink -j SNAT --to-source 198.51.100.1")
    shell(host, f"iptables -t nat -A PREROUTING -d 198.51.100.1 -p tcp --dport {port} -j DNAT --to {network['web']}:80")
'''
)

BY_A_NAME_SERVER = '''
SERVER = """
import os, socket, sys
name, address = sys.argv[1:]
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("127.0.0.1", 53))
if os.fork():
    os._exit(0)
while True:
    asked, caller = line.recvfrom(512)
    question = asked[12 : asked.index(0, 12) + 5]
    known = question[1:-5].replace(bytes([len(name)]), b"") == name.encode()
    record = b"\\\\xc0\\\\x0c\\\\0\\\\1\\\\0\\\\1\\\\0\\\\0\\\\0\\\\5\\\\0\\\\4" + socket.inet_aton(address)
    head = asked[:2] + b"\\\\x81\\\\x80\\\\0\\\\1" + (b"\\\\0\\\\1" if known else b"\\\\0\\\\0") + b"\\\\0" * 4
    line.sendto(head + question + record * known, caller)
"""

def name_it(places, network, name):
    import shlex, sys
    join(places, network)
    inside(places["web"], "echo nameserver 127.0.0.1 > /etc/resolv.conf")
    inside(places["web"], shlex.join([sys.executable, "-c", SERVER, name, network["database"]]) + " >/dev/null 2>&1")
'''


@pytest.mark.slow
@pytest.mark.parametrize("way", [BY_NFT_AND_MESSAGES, BY_DIRECT_WIRES], ids=["nft and netlink", "direct wires"])
def test_another_way_works_from_the_first_wire_to_the_last_rule(way: str, tmp_path: Path) -> None:
    if way is BY_NFT_AND_MESSAGES and not shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin:/bin"):
        pytest.skip("needs nft")
    said = results(tmp_path, 1, cells=[way]) + results(tmp_path, 5, cells=[way])
    assert unmet(said) == []


def test_a_name_server_of_ones_own_is_as_good_as_a_file(tmp_path: Path) -> None:
    said = results(tmp_path, 2, task_2=BY_A_NAME_SERVER)
    assert unmet(said) == []


# --- Who asks -------------------------------------------------------------------


@pytest.mark.slow
def test_an_ordinary_user_earns_every_point_as_well(as_ordinary_user: Run) -> None:
    done = as_ordinary_user(verdicts.__file__, LAB, "5")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"solution": []}


def test_the_machines_own_network_and_files_are_as_before(tmp_path: Path) -> None:
    before = links.links(), Path("/etc/hosts").read_text(), Path("/proc/sys/net/ipv4/ip_forward").read_text()
    results(tmp_path, 3)
    after = links.links(), Path("/etc/hosts").read_text(), Path("/proc/sys/net/ipv4/ip_forward").read_text()
    assert after == before


# --- Cheats -----------------------------------------------------------------------

CHEATS = {
    "does nothing": "def join(places, network):\n    return None",
    "says that all is well": "def join(places, network):\n    return {'status': 'passed', 'earned': 4}",
    "calls itself database": (
        "def join(places, network):\n"
        "    for box in ('web', 'database'):\n"
        "        both = [f'ip address add {network[each]}/32 dev lo' for each in ('web', 'database')]\n"
        "        inside(places[box], '; '.join(both))"
    ),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(cheat: str, tmp_path: Path) -> None:
    assert sum(each.earned for each in results(tmp_path, 1, task_1=cheat)) == 0


def test_somebody_elses_answer_has_somebody_elses_addresses(tmp_path: Path) -> None:
    copied = json.dumps(Learner(LAB, "bob").network)
    cell = f"{next(each.source for each in master(LAB).cells if each.id == 'task-1')}\n"
    as_it_was = cell.replace("### BEGIN SOLUTION", f"network = {copied}")
    said = results(tmp_path, 1, task_1=as_it_was)
    assert [each.status for each in said] == [Status.PASSED, Status.FAILED, Status.NOT_REACHED]
    assert "and should have" in said[1].observed
