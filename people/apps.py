from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"

    def ready(self):
        from auditlog.registry import auditlog

        # A password's hash and the time of the last sign-in are no configuration; sign-ins have entries of their own.
        auditlog.register(self.get_model("User"), exclude_fields=["password", "last_login", "commitment"])
