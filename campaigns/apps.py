from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self):
        from campaigns import erasing, notices
        from ledger import personal
        from people.actions import delivery
        from people.actions import erasing as erasing_people

        delivery.REFRESH |= notices.REFRESH
        erasing_people.HINDRANCES.append(erasing.hindrances)
        personal.ONLY["campaigns_assignment"] = erasing.NAME_IS_APART
