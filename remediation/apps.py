from django.apps import AppConfig


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self):
        from people.actions import delivery
        from remediation import notices

        delivery.REFRESH |= notices.REFRESH
        delivery.SIGNED |= notices.SIGNED
