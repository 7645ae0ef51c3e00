"""Puts the two programs into the wheel, and gives the wheel its tag.

Knows ELF files and where cargo puts them (`../target/release`, or CARGO_TARGET_DIR); does not know the package. The
same programs make the same wheel, byte for byte.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Iterator

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROGRAMS = ("pcamflow", "pcamflow-worker")
# PyTorch's wheels need this glibc.
OLDEST_GLIBC = (2, 28)


class Programs(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the programs as scripts. An editable installation has none: there, set PCAMFLOW_BINARY."""
        if version == "editable":
            return
        made = Path(os.environ.get("CARGO_TARGET_DIR", Path(self.root).parent / "target")) / "release"
        scratch = Path(self.directory) / "programs"
        scratch.mkdir(parents=True, exist_ok=True)
        scripts = {}
        for name in PROGRAMS:
            if not (made / name).is_file():
                raise SystemExit(f"{made / name} is missing: `make build` makes it")
            scripts[str(copy(made / name, scratch / name))] = name
        glibc = max(glibc_of(Path(path)) for path in scripts)
        build_data["shared_scripts"] = scripts
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_{glibc[0]}_{glibc[1]}_{machine(Path(next(iter(scripts))))}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the copies."""
        shutil.rmtree(Path(self.directory) / "programs", ignore_errors=True)


def copy(program: Path, to: Path) -> Path:
    """Copies a program, without the place of libtorch at build time: the engine finds that of the environment."""
    shutil.copyfile(program, to)
    to.chmod(0o755)
    subprocess.run(["patchelf", "--remove-rpath", str(to)], check=True)
    return to


def glibc_of(program: Path) -> tuple[int, int]:
    """The oldest glibc with which a program starts."""
    return max([OLDEST_GLIBC, *needed_glibc(program)])


def needed_glibc(program: Path) -> Iterator[tuple[int, int]]:
    """The versions of glibc's symbols that a program needs."""
    with program.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if not isinstance(section, GNUVerNeedSection):
                continue
            for _, versions in section.iter_versions():
                names = (version.name for version in versions if version.name.startswith("GLIBC_2."))
                for name in names:
                    major, minor = name[len("GLIBC_") :].split(".")[:2]
                    yield int(major), int(minor)


def machine(program: Path) -> str:
    """The architecture as tags of wheels name it."""
    with program.open("rb") as file:
        names = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
        return names[ELFFile(file).header["e_machine"]]
