from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"

    def ready(self):
        from evidence import erasing, notices
        from people.actions import delivery
        from people.actions import erasing as erasing_people

        erasing_people.HINDRANCES.append(erasing.hindrances)
        delivery.REFRESH |= notices.REFRESH
