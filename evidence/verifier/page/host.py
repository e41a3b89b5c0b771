"""Runs verify.py as its command line would, in the worker of verify.html; what it prints goes to the page."""

import gc
import types


def prepare(source, told):
    """A function that takes verify.py's arguments and returns its exit status; `told` gets the name of each file that is read."""
    code = compile(source, "verify.py", "exec")

    def run(arguments):
        # A module anew for each pack: nothing of the one before can be left in it.
        verify = types.ModuleType("verify")
        exec(code, verify.__dict__)  # noqa: S102 - verify.py itself, which the page carries
        opened = verify.Pack.open

        def open_and_tell(pack, name):
            told(name)
            return opened(pack, name)

        verify.Pack.open = open_and_tell
        gc.disable()
        try:
            return verify.main(list(arguments))
        except SystemExit as end:
            return end.code
        finally:
            verify.sys.stdout.flush()
            gc.enable()
            del verify
            gc.collect()

    return run
