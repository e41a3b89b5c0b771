"""Addresses of the removal trail, below /removals/."""

from django.urls import path

from remediation import views

app_name = "remediation"
urlpatterns = [
    path("", views.task_list, name="task-list"),
    path("export.csv", views.task_export, name="task-export"),
    path("<int:pk>/", views.task_detail, name="task-detail"),
    path("<int:pk>/proof/<int:attempt>/", views.proof, name="task-proof"),
]
