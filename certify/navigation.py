"""The main navigation, by role."""


def navigation(request) -> dict:
    """Context processor: `navigation`, a list of {url, label, active}."""
    return {"navigation": []}
