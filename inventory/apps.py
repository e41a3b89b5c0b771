from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"

    def ready(self):
        from inventory import erasing
        from people import hindrances

        hindrances.OF_APPS.append(erasing.hindrances)
