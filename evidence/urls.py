"""Addresses of audit periods and packs, below /audit/."""

from django.urls import path

from evidence import views

app_name = "evidence"
urlpatterns = [
    path("", views.period_list, name="period-list"),
    path("new/", views.period_create, name="period-create"),
    path("<int:pk>/", views.period_detail, name="period-detail"),
    path("<int:pk>/edit/", views.period_edit, name="period-edit"),
    path("<int:pk>/packs/", views.pack_request, name="pack-request"),
    path("campaigns/<int:pk>/seal/", views.campaign_seal, name="campaign-seal"),
    path("packs/<int:pk>/download/", views.pack_download, name="pack-download"),
]
