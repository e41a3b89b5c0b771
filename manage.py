#!/usr/bin/env python
"""Django's command line for Certify."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # The supervisor makes the secrets that the real settings ask for, so it cannot need them itself; nor does what reads its files.
    settings = "certify.stack.settings" if sys.argv[1:2] in (["up"], ["demo_code"]) else "certify.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    execute_from_command_line(sys.argv)
