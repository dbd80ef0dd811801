"""Caught by: own_name leaves a process running.

It gives the name to a process that has ended when the function returns; the namespace ended with it.
"""


def own_name(hostname: str) -> int:
    subprocess.run(["unshare", "--user", "--map-root-user", "--uts", "hostname", hostname], check=True)
    return 0
