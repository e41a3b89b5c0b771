"""All addresses."""

from django.urls import include, path

from certify import health, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("health/", health.health, name="health"),
    path("", include("people.urls")),
    path("ledger/", include("ledger.urls")),
    path("removals/", include("remediation.urls")),
]
