from django.apps import AppConfig


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self):
        from inventory import hindrances as of_reviewed
        from ledger import personal
        from people import hindrances
        from people.actions import delivery
        from remediation import erasing, notices

        delivery.REFRESH |= notices.REFRESH
        delivery.SIGNED |= notices.SIGNED
        hindrances.OF_APPS.append(erasing.hindrances)
        of_reviewed.OF_APPS.append(erasing.hindrances_of_reviewed)
        personal.UNGUARDED += ["remediation_sending by_name=by_id", "remediation_sending decided_by_name=decided_by_id"]
