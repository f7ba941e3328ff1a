"""How many processors this process may use."""

import os
from pathlib import Path


def num_processors() -> int:
    """Return the number of processors that this process may use.

    ``PYTHON_CPU_COUNT`` decides if it is set, as in ``os.process_cpu_count`` of Python 3.13. The
    affinity of the process and the quota of its container are limits otherwise.
    """
    wanted = os.environ.get("PYTHON_CPU_COUNT", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    return max(1, int(min(available, container_quota())))


def container_quota(root: Path = Path("/")) -> float:
    """Return how many processors the control groups of this process grant; infinity for any number.

    The smallest quota on the path of a group counts. Both versions of control groups are known:
    https://docs.kernel.org/admin-guide/cgroup-v2.html and
    https://docs.kernel.org/scheduler/sched-bwc.html. The root folder holds ``proc`` and ``sys``.
    """
    quotas = [float("inf")]
    mounts = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = [*line.split(":", 2), "", "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = mounts / "cpu" if controllers else mounts
        path = mount / group.lstrip("/")
        for folder in (path, *path.parents):
            if folder.is_relative_to(mount):
                quotas.append(_quota(folder))
    return min(quotas)


def one_thread_a_product() -> None:
    """Let NumPy compute each product in one thread; call this before NumPy is imported.

    The threads of its library wait for one another in busy loops. Next to another busy program
    that makes reading a text ten times slower.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _quota(folder: Path) -> float:
    """Return the quota of one control group in processors; infinity if it has none."""
    v1 = f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
    fields = (_read(folder / "cpu.max") or v1).split()
    if len(fields) != 2 or not (fields[0].isdecimal() and fields[1].isdecimal()):
        return float("inf")  # no quota: "max" in version 2, -1 in version 1
    quota, period = map(int, fields)
    return quota / period if quota and period else float("inf")


def _read(path: Path) -> str:
    """Return the content of a small file, or an empty string if it cannot be read."""
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""
