"""Addresses of the removal trail, below /removals/."""

from django.urls import path

from remediation.views import bulk, channels, exceptions, figures, objections, tasks, tokens

app_name = "remediation"
urlpatterns = [
    path("", tasks.task_list, name="task-list"),
    path("export.csv", tasks.task_export, name="task-export"),
    path("send/", channels.bulk_send, name="bulk-send"),
    path("sendings/<int:pk>/", channels.sending_detail, name="sending-detail"),
    path("resend/", channels.channel_resend, name="channel-resend"),
    path("programs/", channels.channel_list, name="channel-list"),
    path("programs/<int:pk>/", channels.channel_detail, name="channel-detail"),
    path("programs/<int:pk>/configure/", channels.channel_configure, name="channel-configure"),
    path("programs/<int:pk>/act/", channels.channel_act, name="channel-act"),
    path("programs/<int:pk>/secret/", channels.channel_secret, name="channel-secret"),
    path("tokens/", tokens.token_list, name="token-list"),
    path("tokens/<int:pk>/revoke/", tokens.token_revoke, name="token-revoke"),
    path("objections/", objections.objection_list, name="objection-list"),
    path("objections/<int:pk>/", objections.objection_detail, name="objection-detail"),
    path("mine/", objections.own, name="own"),
    path("object/<str:token>/", objections.object_to, name="object"),
    path("figures/", figures.figures_page, name="figures"),
    path("overdue/", bulk.overdue, name="overdue"),
    path("report/", bulk.bulk_claim, name="bulk-claim"),
    path("hand-on/", bulk.bulk_hand_on, name="bulk-hand-on"),
    path("exceptions/", exceptions.exception_list, name="exception-list"),
    path("exceptions/export.csv", exceptions.exception_export, name="exception-export"),
    path("exceptions/<int:pk>/", exceptions.exception_detail, name="exception-detail"),
    path("exceptions/<int:pk>/decide/", exceptions.exception_decide, name="exception-decide"),
    path("exceptions/<int:pk>/end/", exceptions.exception_end, name="exception-end"),
    path("<int:pk>/exception/", exceptions.exception_request, name="exception-request"),
    path("<int:pk>/", tasks.task_detail, name="task-detail"),
    path("<int:pk>/close/", tasks.task_close, name="task-close"),
    path("<int:pk>/proof/<int:attempt>/", tasks.proof, name="task-proof"),
]
