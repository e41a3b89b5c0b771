from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"

    def ready(self):
        from inventory import erasing
        from people.actions import erasing as erasing_people

        erasing_people.HINDRANCES.append(erasing.hindrances)
