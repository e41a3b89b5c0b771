from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self):
        from campaigns import notices
        from people.actions import delivery

        delivery.REFRESH |= notices.REFRESH
