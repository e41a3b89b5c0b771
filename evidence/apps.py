from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"

    def ready(self):
        from evidence import notices
        from people.actions import delivery

        delivery.REFRESH |= notices.REFRESH
