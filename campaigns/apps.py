from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self):
        from campaigns import erasing, notices
        from inventory import hindrances as of_reviewed
        from ledger import personal
        from people import hindrances
        from people.actions import delivery

        delivery.REFRESH |= notices.REFRESH
        hindrances.OF_APPS.append(erasing.hindrances)
        of_reviewed.OF_APPS.append(erasing.hindrances_of_reviewed)
        personal.ONLY["campaigns_assignment"] = erasing.NAME_IS_APART
        personal.ONLY["campaigns_reviewitem"] = erasing.NAMES_ARE_COMMITTED
        personal.REFERS["campaigns_reviewitem"] = "inventory."
