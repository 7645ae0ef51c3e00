"""Fetches build dependencies into `.deps/`: `fetch.py cmake`, `fetch.py cpu`, `fetch.py cuda`.

`.ci/setup` calls it and decides what is needed. It downloads wheels with the user's pip (with its index,
proxy and certificates), unpacks only the required files, deletes the wheels, and installs nothing into
any Python. It needs Python 3.8 without packages. A folder and its stamp appear in `.deps/` atomically.
"""

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

DEPS = Path(__file__).resolve().parent.parent / ".deps"
TORCH = os.environ["PCAMFLOW_TORCH"]  # the version that .ci/setup asks for: 2.11.0
GB = 10**9

# Left out of the CPU build: most of the size, and never loaded without a GPU.
CUDA_ONLY = ("libtorch_cuda", "libtorch_nvshmem", "libcaffe2_nvrtc")
# libtorch_cpu of the same wheel needs these two at start, even without a GPU.
CPU_NEEDS = ["nvidia-cuda-cupti==13.0.*", "nvidia-cuda-runtime==13.0.*"]


class Failure(Exception):
    """A problem that the user has to solve."""


def say(text):
    print(f"setup: {text}", flush=True)


def main(kind):
    DEPS.mkdir(exist_ok=True)
    target = DEPS / ("cmake" if kind == "cmake" else "site")
    stamp = os.environ["PCAMFLOW_STAMP"]
    with locked(), tempfile.TemporaryDirectory(prefix="tmp-", dir=DEPS) as scratch:
        if read(target / "stamp") == stamp:
            return  # another set-up fetched it in the meantime
        new = Path(scratch, "new")
        {"cmake": fetch_cmake, "cpu": fetch_cpu, "cuda": fetch_cuda}[kind](Path(scratch), new)
        (new / "stamp").write_text(stamp + "\n")
        if target.exists():
            target.rename(Path(scratch, "old"))
        new.rename(target)
    say(f"{target.relative_to(DEPS.parent)}: {stamp}")


def fetch_cmake(scratch, new):
    need_space(0.3)
    say("fetching cmake, for building HDF5 (30 MB)")
    for wheel in download(scratch, ["cmake>=3.26"], "--no-deps"):
        unpack(wheel, new, lambda name: name.startswith("cmake/data/") or ".dist-info/" in name)


def fetch_cpu(scratch, new):
    need_space(2)
    say(f"fetching libtorch {TORCH} for CPU (530 MB to download, 550 MB kept)")
    for wheel in download(scratch, [f"torch=={TORCH}"], "--no-deps"):
        unpack(wheel, new, lambda name: of_libtorch(name) and not name.split("/")[-1].startswith(CUDA_ONLY))
    for wheel in download(scratch, CPU_NEEDS, "--no-deps"):
        unpack(wheel, new, of_nvidia)


def fetch_cuda(scratch, new):
    need_space(6)
    say(f"fetching libtorch {TORCH} for CUDA 13 (2.5 GB to download, 3.6 GB kept)")
    [wheel] = download(scratch, [f"torch=={TORCH}"], "--no-deps")
    needs = nvidia_requirements(wheel)
    unpack(wheel, new, of_libtorch)
    for wheel in download(scratch, needs):
        unpack(wheel, new, of_nvidia)


def of_libtorch(name):
    """Whether a member of the torch wheel is a library, a header or a licence of libtorch."""
    wanted = name.startswith(("torch/lib/", "torch/include/", "torch.libs/")) or ".dist-info/" in name
    return wanted and not name.startswith(("torch/lib/libtorch_python", "torch/lib/libshm"))


def of_nvidia(name):
    """Whether a member of an NVIDIA wheel is a library or a licence."""
    return re.match(r"nvidia/[^/]+/lib/", name) is not None or ".dist-info/" in name


def nvidia_requirements(wheel):
    """The NVIDIA libraries among the requirements of torch. Libtorch needs no others."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode()
    return re.findall(r"^Requires-Dist: ((?:nvidia-|cuda-toolkit).*)$", text, re.MULTILINE)


def download(scratch, requirements, *options):
    """Downloads wheels with pip into the scratch folder and returns their paths."""
    folder = tempfile.mkdtemp(dir=scratch)
    pip = shlex.split(os.environ["PCAMFLOW_PIP"])
    # The wheels serve no interpreter, so one fixed Python version works everywhere.
    chosen = ["--only-binary=:all:", "--python-version=3.12", *options, "--dest", folder, *requirements]
    # /tmp may be too small for pip, so use the checkout. A user's `require-virtualenv` does not apply,
    # because nothing is installed.
    env = {**os.environ, "TMPDIR": str(scratch), "PIP_REQUIRE_VIRTUALENV": "0"}
    command = [*pip, "--disable-pip-version-check", "--no-input", "download", *chosen]
    if subprocess.run(command, env=env, check=False).returncode != 0:
        raise Failure(
            f"pip could not download {', '.join(requirements)} (its own words are above).\n"
            "  Is the network reachable? pip's index, proxy and certificates are taken from your own pip\n"
            "  configuration (`pip config list`). With an offline copy of the wheels, set PIP_FIND_LINKS to\n"
            "  its folder and PIP_NO_INDEX=1. There are wheels for Linux x86-64 and aarch64 with glibc 2.28\n"
            "  or newer; elsewhere set LIBTORCH and CMAKE to your own.\n"
            "  Nothing was left half-done: the same command starts again."
        )
    return sorted(Path(folder).glob("*.whl"))


def unpack(wheel, folder, wanted):
    """Unpacks the wanted members with their permissions, and deletes the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or not wanted(member.filename):
                continue
            path = archive.extract(member, folder)
            mode = member.external_attr >> 16 & 0o777
            os.chmod(path, mode | 0o644)
    wheel.unlink()


@contextlib.contextmanager
def locked():
    """Allows one set-up at a time, and removes the remains of interrupted ones."""
    with open(DEPS / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this checkout is running: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in DEPS.glob("tmp-*"):
            shutil.rmtree(stale, ignore_errors=True)
        yield


def need_space(gigabytes):
    free = shutil.disk_usage(DEPS).free
    if free < gigabytes * GB:
        raise Failure(
            f"{DEPS} has {free / GB:.1f} GB of free disk space, and fetching takes up to {gigabytes} GB.\n"
            "  Free some, or put the checkout on a larger disk."
        )


def read(path):
    try:
        return path.read_text().strip()
    except OSError:
        return None


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failure as failure:
        sys.exit(f"setup: {failure}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; nothing was left half-done")
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(f"setup: {error}; nothing was left half-done")
