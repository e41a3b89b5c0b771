"""Addresses of the removal trail, below /removals/."""

from django.urls import path

from remediation.views import tasks

app_name = "remediation"
urlpatterns = [
    path("", tasks.task_list, name="task-list"),
    path("export.csv", tasks.task_export, name="task-export"),
    path("<int:pk>/", tasks.task_detail, name="task-detail"),
    path("<int:pk>/close/", tasks.task_close, name="task-close"),
    path("<int:pk>/proof/<int:attempt>/", tasks.proof, name="task-proof"),
]
