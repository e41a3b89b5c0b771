from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self):
        from campaigns import erasing, notices
        from ledger import personal
        from people import hindrances
        from people.actions import delivery

        delivery.REFRESH |= notices.REFRESH
        hindrances.OF_APPS.append(erasing.hindrances)
        personal.ONLY["campaigns_assignment"] = erasing.NAME_IS_APART
