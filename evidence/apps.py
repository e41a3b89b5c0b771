from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"

    def ready(self):
        from evidence import erasing, notices
        from people import hindrances
        from people.actions import delivery

        delivery.REFRESH |= notices.REFRESH
        hindrances.OF_APPS.append(erasing.hindrances)
