from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"

    def ready(self):
        from evidence import erasing
        from people import hindrances

        hindrances.OF_APPS.append(erasing.hindrances)
