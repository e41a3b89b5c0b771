"""All addresses."""

from django.urls import include, path

from certify import health, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("health/", health.health, name="health"),
    path("", include("people.urls")),
    path("", include("campaigns.urls")),
    path("inventory/", include("inventory.urls")),
    path("removals/", include("remediation.urls")),
    path("api/v1/", include("remediation.urls_api")),
    path("audit/", include("evidence.urls")),
    path("ledger/", include("ledger.urls")),
]
