"""Django settings of the supervisor itself: it needs the command line and nothing else. Its children get `certify.settings`."""

SECRET_KEY = "the-supervisor-signs-nothing"  # noqa: S105
INSTALLED_APPS = ["certify"]
USE_TZ = True
TIME_ZONE = "UTC"
