"""All addresses."""

from django.urls import include, path

from certify import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("", include("people.urls")),
]
