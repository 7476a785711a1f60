"""Makes the private virtual environment that `make` works in, from the lock files, once.

    python3 scripts/bootstrap.py runtime     what the program needs
    python3 scripts/bootstrap.py dev         that, and what checks and tests need

Standard library only. A stamp, keyed by the content of the lock files, makes every later run end
at once. No index is named here or in the lock files: packages come from wherever this machine's
pip is configured to look, and their hashes say whether they are the right ones.

An old Python must get as far as the sentence below, so the file keeps to the syntax of Python 3.6.
"""

import sys

OLDEST_PYTHON = (3, 11)  # `requires-python` of pyproject.toml; a test holds the two together

if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        f"Timeout Monitor needs Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer, and "
        f"{sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}: name a newer one, as in "
        "`make demo PYTHON=python3.12`."
    )

import contextlib  # noqa: E402 - nothing may be imported before the version is known
import fcntl  # noqa: E402
import hashlib  # noqa: E402
import importlib.util  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

LOCKS = {
    "runtime": ("requirements.lock", "requirements-build.lock"),
    "dev": ("requirements.lock", "requirements-build.lock", "requirements-dev.lock"),
}
"""What each set is made of. The dev lock holds the other two, so it is installed alone."""

INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C ended."""


class SetUpError(Exception):
    """The environment can't be made; the text is for the user."""


class Environment:
    """The virtual environment of one checkout."""

    def __init__(self, root: Path) -> None:
        """Know the places, touch nothing.

        Args:
            root: The checkout, where the lock files and ``pyproject.toml`` are.
        """
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"

    def prepare(self, which: str) -> None:
        """Bring the environment to what the lock files say, unless it is there already.

        Args:
            which: ``runtime`` or ``dev``.

        Raises:
            SetUpError: No venv module, or a step of the installation failed.
        """
        if self._is_ready(which):
            return
        _require_venv_module()
        with _alone(self.root):
            if self._is_ready(which):  # another make did it while this one waited
                return
            if not self._is_usable():
                self._create()
            self._install(which)
            # The dev lock holds everything of the runtime locks.
            for done in {which, "runtime"}:
                self._stamp(done).write_text(self._key(done), encoding="utf-8")

    def _stamp(self, which: str) -> Path:
        return self.path / f".ready-{which}"

    def _key(self, which: str) -> str:
        """Everything that makes an installed environment the right one, in one line."""
        content = hashlib.sha256()
        for name in (*LOCKS[which], "pyproject.toml"):
            content.update((self.root / name).read_bytes())
        # A checkout that was moved has stale paths inside; another Python has another library.
        return f"{content.hexdigest()} {_python_version()} {self.path}\n"

    def _is_ready(self, which: str) -> bool:
        stamp = self._stamp(which)
        return (
            self.python.exists()
            and stamp.exists()
            and stamp.read_text(encoding="utf-8") == self._key(which)
        )

    def _is_usable(self) -> bool:
        """Whether what is there can be built upon: our Python, our place, a pip that starts."""
        settings = self.path / "pyvenv.cfg"
        if not self.python.exists() or not settings.exists():
            return False
        if f"version = {_python_version()}." not in settings.read_text(encoding="utf-8"):
            return False
        stamps = [self._stamp(which) for which in LOCKS]
        if any(
            not stamp.read_text(encoding="utf-8").endswith(f" {self.path}\n")
            for stamp in stamps
            if stamp.exists()
        ):
            return False
        return _run([str(self.python), "-I", "-m", "pip", "--version"]).returncode == 0

    def _create(self) -> None:
        _say(f"Making {self.path.name} with Python {_python_version()} ...")
        _run_or_explain(
            [sys.executable, "-m", "venv", "--clear", str(self.path)],
            f"The virtual environment {self.path} could not be made",
        )

    def _install(self, which: str) -> None:
        locks = LOCKS[which] if which == "runtime" else LOCKS[which][-1:]
        for stamp in map(self._stamp, LOCKS):
            stamp.unlink(missing_ok=True)  # half an installation must not look like a whole one
        count = len({line for lock in locks for line in self._pins(lock)})
        _say(f"Installing {count} packages from {' and '.join(locks)} ...")
        wanted = [argument for lock in locks for argument in ("--requirement", lock)]
        # The locks are whole, so nothing is left to resolve: pip would look for what an extra such
        # as coverage[toml] asks for beside the pin, and fail on the day of a newer release.
        self._pip(["--require-hashes", "--no-deps", *wanted], "The packages could not be installed")
        self._pip(
            ["--no-deps", "--no-build-isolation", "--editable", "."],
            "The project itself could not be installed",
        )

    def _pins(self, lock: str) -> Iterator[str]:
        for line in (self.root / lock).read_text(encoding="utf-8").splitlines():
            if line[:1].isalnum():
                yield line.partition("==")[0]

    def _pip(self, arguments: list[str], failure: str) -> None:
        # -I: a PYTHONPATH or a user's site-packages would hide what is missing here.
        pip = [str(self.python), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _run_or_explain([*pip, "install", "--no-input", *arguments], failure, cwd=self.root)


def _python_version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _require_venv_module() -> None:
    """Debian and its kin ship Python without the modules that make environments."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise SetUpError(
            f"{sys.executable} has no {missing[0]} module, which makes virtual environments: "
            f"install it (on Debian or Ubuntu: apt install python{_python_version()}-venv) or name "
            "another Python, as in `make demo PYTHON=python3.12`."
        )


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Wait for another `make` of this checkout that is installing; two at once break a venv."""
    directory = os.open(str(root), os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def _run(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # PIP_USER: a machine whose pip installs for the user by default can't install into a venv.
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PIP_USER": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _run_or_explain(command: list[str], failure: str, cwd: Path | None = None) -> None:
    done = _run(command, cwd)
    if done.returncode != 0:
        raise SetUpError(f"{done.stdout.rstrip()}\n{failure}; the reason stands above.")


def main(arguments: list[str]) -> int:
    """Prepare the set that is named; exit code 0, or 1 with the reason on stderr."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        _say(f"usage: bootstrap.py {' | '.join(LOCKS)}")
        return 2
    try:
        Environment(Path(__file__).resolve().parent.parent).prepare(arguments[0])
    except SetUpError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Interrupted; the next run takes it up again.")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
