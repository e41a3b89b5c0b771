"""All addresses."""

from django.urls import include, path

urlpatterns = [
    path("removals/", include("remediation.urls")),
]
