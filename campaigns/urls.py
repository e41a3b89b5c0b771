"""Addresses of definitions, campaigns and reviews."""

from django.urls import path

from campaigns.views import calendar, campaigns, definitions, delegations, plans, reviews, scopes, stages

app_name = "campaigns"
urlpatterns = [
    path("definitions/", definitions.definition_list, name="definition-list"),
    path("definitions/new/", definitions.definition_create, name="definition-create"),
    path("definitions/scope/", scopes.scope_build, name="scope-build"),
    path("definitions/scope/counts/", scopes.scope_counts, name="scope-counts"),
    path("definitions/scope/values/", scopes.scope_values, name="scope-values"),
    path("definitions/scopes/", scopes.saved_list, name="saved-scope-list"),
    path("definitions/scopes/<int:pk>/archive/", scopes.saved_archive, name="saved-scope-archive"),
    path("definitions/exclusions/", scopes.standing_list, name="standing-exclusion-list"),
    path("definitions/exclusions/<int:pk>/end/", scopes.standing_end, name="standing-exclusion-end"),
    path("definitions/<int:pk>/", definitions.definition_preview, name="definition-preview"),
    path("definitions/<int:pk>/edit/", definitions.definition_edit, name="definition-edit"),
    path("definitions/<int:pk>/archive/", definitions.definition_archive, name="definition-archive"),
    path("campaigns/", campaigns.campaign_list, name="campaign-list"),
    path("campaigns/<int:pk>/", campaigns.campaign_detail, name="campaign-detail"),
    path("campaigns/<int:pk>/retry/", campaigns.campaign_retry, name="campaign-retry"),
    path("campaigns/<int:pk>/close/", campaigns.campaign_close, name="campaign-close"),
    path("campaigns/<int:pk>/cancel/", campaigns.campaign_cancel, name="campaign-cancel"),
    path("campaigns/<int:pk>/reviewers/<int:reviewer>/reassign/", campaigns.reviewer_reassign, name="reviewer-reassign"),
    path("campaigns/<int:pk>/stage/end/", stages.stage_end, name="stage-end"),
    path("campaigns/<int:pk>/extend/", stages.campaign_extend, name="campaign-extend"),
    path("campaigns/<int:pk>/reviewers/<int:reviewer>/reopen/", stages.reviewer_reopen, name="reviewer-reopen"),
    path("definitions/<int:pk>/reviewers/", plans.definition_plan, name="definition-plan"),
    path("definitions/<int:pk>/schedule/", calendar.definition_schedule, name="definition-schedule"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/runs/<int:pk>/", calendar.occurrence_detail, name="occurrence-detail"),
    path("groups/", plans.group_list, name="group-list"),
    path("groups/new/", plans.group_create, name="group-create"),
    path("groups/<int:pk>/", plans.group_edit, name="group-edit"),
    path("delegations/", delegations.delegation_list, name="delegation-list"),
    path("delegations/<int:pk>/end/", delegations.delegation_end, name="delegation-end"),
    path("reviews/", reviews.inbox, name="inbox"),
    path("reviews/<int:pk>/", reviews.review, name="review"),
    path("reviews/<int:pk>/items/<int:row>/", reviews.item_detail, name="item-detail"),
    path("reviews/<int:pk>/items/<int:row>/decide/", reviews.item_decide, name="item-decide"),
    path("reviews/<int:pk>/bulk/", reviews.bulk, name="bulk"),
    path("reviews/<int:pk>/submit/", reviews.submit, name="submit"),
    path("reviews/<int:pk>/receipts/<int:sign_off>/", reviews.receipt, name="receipt"),
]
