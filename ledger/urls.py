from django.urls import path

from ledger import views

app_name = "ledger"

urlpatterns = [
    path("", views.entry_list, name="entry-list"),
    path("entries/<uuid:uid>/", views.entry_detail, name="entry-detail"),
    path("checkpoint", views.checkpoint, name="checkpoint"),
    path("checkpoints/<int:size>", views.older_checkpoint, name="older-checkpoint"),
    path("guards/", views.guards, name="guards"),
    path("guards/key/", views.key_rotate, name="key-rotate"),
    path("guards/cosignatures/", views.cosignature_create, name="cosignature-create"),
    path("keys", views.key_list, name="key-list"),
    path("tile/entries/<path:place>", views.entry_bundle, name="entry-bundle"),
    path("tile/<path:place>", views.tile, name="tile"),
]
