"""Addresses of the inventory, below /inventory/."""

from django.urls import path

from inventory.views import descriptions, erasing, loads, sources

app_name = "inventory"
urlpatterns = [
    path("", sources.source_list, name="source-list"),
    path("new/", sources.source_create, name="source-create"),
    path("<int:pk>/", sources.source_detail, name="source-detail"),
    path("<int:pk>/edit/", sources.source_edit, name="source-edit"),
    path("<int:pk>/grants/", sources.grant_list, name="grant-list"),
    path("rights/<int:pk>/", sources.entitlement_detail, name="entitlement-detail"),
    path("descriptions/", descriptions.description_list, name="description-list"),
    path("descriptions/upload/", descriptions.description_import, name="description-import"),
    path("descriptions.csv", descriptions.description_export, name="description-export"),
    path("<int:pk>/orphans/", sources.orphan_list, name="orphan-list"),
    path("identities/", erasing.identity_list, name="identity-list"),
    path("identities/<int:pk>/erase/", erasing.identity_erase, name="identity-erase"),
    path("accounts/<int:pk>/erase/", erasing.account_erase, name="account-erase"),
    path("<int:pk>/load/", loads.upload, name="load-upload"),
    path("snapshots/<int:pk>/", sources.snapshot_detail, name="snapshot-detail"),
    path("snapshots/<int:pk>/rejected.csv", sources.rejected_export, name="rejected-export"),
    path("loads/<int:pk>/", loads.load_detail, name="load-detail"),
    path("loads/<int:pk>/mapping/", loads.mapping, name="load-mapping"),
    path("loads/<int:pk>/start/", loads.load_start, name="load-start"),
    path("loads/<int:pk>/cancel/", loads.load_cancel, name="load-cancel"),
]
