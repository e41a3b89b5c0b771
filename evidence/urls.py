"""Addresses of audit periods, packs and frameworks, below /audit/."""

from django.urls import path

from evidence.views import (
    auditors,
    frameworks,
    holds,
    periods,
    readiness,
    reperformance,
    requests,
    retention,
    sample_rows,
    samples,
)

app_name = "evidence"
urlpatterns = [
    path("", periods.period_list, name="period-list"),
    path("new/", periods.period_create, name="period-create"),
    path("<int:pk>/", periods.period_detail, name="period-detail"),
    path("retention/", retention.kind_list, name="retention"),
    path("retention/<str:code>/", retention.kind_detail, name="retention-kind"),
    path("holds/", holds.hold_list, name="hold-list"),
    path("holds/<int:pk>/", holds.hold_detail, name="hold-detail"),
    path("holds/<int:pk>/release/", holds.hold_release, name="hold-release"),
    path("<int:pk>/edit/", periods.period_edit, name="period-edit"),
    path("<int:pk>/auditors/", auditors.auditor_list, name="auditor-list"),
    path("<int:pk>/auditors/<int:auditor>/again/", auditors.invitation_again, name="invitation-again"),
    path("<int:pk>/auditors/<int:auditor>/withdraw/", auditors.invitation_withdraw, name="invitation-withdraw"),
    path("<int:pk>/readiness/", readiness.period_readiness, name="period-readiness"),
    path("<int:pk>/packs/", periods.pack_request, name="pack-request"),
    path("<int:pk>/samples/", samples.sample_list, name="sample-list"),
    path("<int:pk>/samples/<int:sample>/", samples.sample_detail, name="sample-detail"),
    path("<int:pk>/samples/<int:sample>/sign/", samples.sample_sign, name="sample-sign"),
    path("<int:pk>/samples/<int:sample>/pack/", samples.sample_pack, name="sample-pack"),
    path("<int:pk>/samples/<int:sample>/<int:number>/", sample_rows.sample_row, name="sample-row"),
    path("<int:pk>/samples/<int:sample>/<int:number>/entries/<uuid:uid>/", sample_rows.row_entry, name="row-entry"),
    path("<int:pk>/samples/<int:sample>/<int:number>/entries/<uuid:uid>/proof/", sample_rows.row_proof, name="row-proof"),
    path("<int:pk>/samples/<int:sample>/<int:number>/proofs/<int:attempt>/", sample_rows.row_attempt, name="row-attempt"),
    path("<int:pk>/requests/", requests.request_list, name="request-list"),
    path("<int:pk>/requests/<int:thread>/", requests.request_detail, name="request-detail"),
    path("<int:pk>/requests/<int:thread>/files/<int:post>/", requests.request_file, name="request-file"),
    path("<int:pk>/reperformance/<int:campaign>/", reperformance.campaign_reperform, name="campaign-reperform"),
    path("campaigns/<int:pk>/seal/", periods.campaign_seal, name="campaign-seal"),
    path("packs/<int:pk>/download/", periods.pack_download, name="pack-download"),
    path("frameworks/", frameworks.framework_list, name="framework-list"),
    path("frameworks/load/", frameworks.framework_load, name="framework-load"),
    path("frameworks/<str:code>/", frameworks.framework_detail, name="framework-detail"),
    path("frameworks/<str:code>/<str:control>/", frameworks.control_detail, name="control-detail"),
    path("frameworks/<str:code>/<str:control>/duties/", frameworks.duty_give, name="duty-give"),
]
