"""Static files under names that carry their hash, so that a browser may keep them for good."""

from collections.abc import Callable

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """The modules that a script imports are named by their hashes too: after an update no old module meets a new one."""

    support_js_module_import_aggregation = True

    def url_converter(self, name: str, hashed_files: dict, template: str | None = None) -> Callable:
        """Scripts of packages stay as they are: htmx's extensions import a module under a name that only an import map resolves."""
        if name.endswith(".js") and not name.startswith("js/"):
            return lambda found: found["matched"]
        return super().url_converter(name, hashed_files, template)
