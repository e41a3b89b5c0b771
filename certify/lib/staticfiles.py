"""Static files under names that carry their hash, so that a browser may keep them for good."""

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """The modules that a script imports are named by their hashes too: after an update no old module meets a new one."""

    support_js_module_import_aggregation = True


class Config(StaticFilesConfig):
    """Leaves htmx's extensions out: nothing uses them, and they import a module under a name that only an import map resolves."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "ext"]
