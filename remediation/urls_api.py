"""Addresses of the API for programs, below /api/v1/."""

from django.urls import path

from remediation import api

app_name = "api"
urlpatterns = [
    path("campaigns/", api.campaign_list, name="campaign-list"),
    path("removals/", api.removal_list, name="removal-list"),
    path("removals/results/", api.result_list, name="result-list"),
    path("removals/<int:pk>/", api.removal_detail, name="removal-detail"),
]
