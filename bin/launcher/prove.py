"""``bin/prove``: measure the portal beside its limits and its promises (``tests/prove``)."""

from collections.abc import Sequence

from launcher import bootstrap
from launcher.bootstrap import PYTHON
from launcher.children import Children, Stopped, end_on_signals
from launcher.console import say
from launcher.quality import environment
from launcher.state import passing_state


def main(argv: Sequence[str]) -> int:
    """Run the proofs that are named, or all; return their exit code."""
    end_on_signals()
    try:
        bootstrap.prepare("requirements-dev.txt")
        chromium = bootstrap.find_chromium()
        for sentence in filter(None, [bootstrap.pdf_libraries()]):
            say(f"  ! {sentence}")
        state = passing_state("prove")
        with (
            Children(register=state.children, logs=state.logs) as servers,
            Children(register=state.children, logs=state.logs, needs=servers) as family,
        ):
            # Durable, as in production: figures of a server that forgets would flatter us.
            env = environment(state, servers, forgetful=False) | ({"CHROMIUM": str(chromium)} if chromium else {})
            code = family.run("proofs", [PYTHON, "-m", "tests.prove", *argv], env=env)
        state.clear_away()
    except Stopped:
        say("\nStopped.")
        return 130
    return code
