"""Addresses of audit periods, packs and frameworks, below /audit/."""

from django.urls import path

from evidence.views import frameworks, periods, readiness

app_name = "evidence"
urlpatterns = [
    path("", periods.period_list, name="period-list"),
    path("new/", periods.period_create, name="period-create"),
    path("<int:pk>/", periods.period_detail, name="period-detail"),
    path("<int:pk>/edit/", periods.period_edit, name="period-edit"),
    path("<int:pk>/readiness/", readiness.period_readiness, name="period-readiness"),
    path("<int:pk>/packs/", periods.pack_request, name="pack-request"),
    path("campaigns/<int:pk>/seal/", periods.campaign_seal, name="campaign-seal"),
    path("packs/<int:pk>/download/", periods.pack_download, name="pack-download"),
    path("frameworks/", frameworks.framework_list, name="framework-list"),
    path("frameworks/load/", frameworks.framework_load, name="framework-load"),
    path("frameworks/<str:code>/", frameworks.framework_detail, name="framework-detail"),
    path("frameworks/<str:code>/<str:control>/", frameworks.control_detail, name="control-detail"),
    path("frameworks/<str:code>/<str:control>/duties/", frameworks.duty_give, name="duty-give"),
]
