from django.apps import AppConfig


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self):
        from ledger import personal
        from people.actions import delivery
        from people.actions import erasing as erasing_people
        from remediation import erasing, notices

        delivery.REFRESH |= notices.REFRESH
        delivery.SIGNED |= notices.SIGNED
        erasing_people.HINDRANCES.append(erasing.hindrances)
        personal.UNGUARDED += ["remediation_sending by_name=by_id", "remediation_sending decided_by_name=decided_by_id"]
