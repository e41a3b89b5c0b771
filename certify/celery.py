"""The Celery application and the beat schedule.

Rows in the database are the truth: every line of the schedule is a sweep that finds the rows that need work, so a lost
message, a lost broker or a beat that was down costs time and nothing else. `expires` keeps sweeps from piling up.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "certify.settings")

app = Celery("certify")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: Sweep → how often, in seconds.
SWEEPS = {
    "ledger.sequence_entries": 5,
    "ledger.publish_log": 30,
    "ledger.publish_to_bucket": 30,
    "ledger.leave_anchors": 60,
    "ledger.verify_slices": 60,
    "people.send_queued_mail": 15,
    "people.forget_expired_sessions": 6 * 3600,
    "inventory.run_queued_loads": 10,
    "campaigns.run_requested_launches": 10,
    "campaigns.close_due_campaigns": 60,
    "campaigns.run_schedules": 60,
    "campaigns.watch_events": 60,
    "campaigns.compare_duties": 60,
    "campaigns.settle_submitted": 10,
    "campaigns.replace_leavers": 600,
    "campaigns.follow_silence": 300,
    "campaigns.send_due_reminders": 900,
    "remediation.sweep_signed_off": 10,
    "remediation.verify_new_snapshots": 10,
    "remediation.send_reminders": 900,
    "remediation.follow_exceptions": 600,
    "remediation.follow_objections": 300,
    "remediation.send_webhooks": 10,
    "remediation.follow_tickets": 60,
    "evidence.build_requested_packs": 10,
    "evidence.send_request_digests": 900,
    "evidence.apply_retention": 3600,
}

app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expires": seconds}} for name, seconds in SWEEPS.items()
}
