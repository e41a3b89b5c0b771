"""Runs verify.py as its command line would, in the worker of verify.html; what it prints goes to the page."""

import gc
import importlib.util


def prepare(path, told):
    """A function that takes verify.py's arguments and returns its exit status; `told` gets the name of each file that is read."""
    spec = importlib.util.spec_from_file_location("verify", path)

    def run(arguments):
        # A module anew for each pack: nothing of the one before can be left in it.
        verify = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(verify)
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
