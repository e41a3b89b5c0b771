"""Who decided what: definitions, campaigns, review items, assignments, decisions and sign-offs.

Items, assignments, exclusions and decisions are written set-based and reference parents that can never be deleted, so their
references carry no foreign-key check (see `inventory.models`). Decisions, bulk acts and sign-offs are append-only; once a
campaign is closed the database refuses every change of its items and assignments.
"""

from campaigns.models.advice import ItemAdvice
from campaigns.models.campaigns import Campaign, CampaignSource, Exclusion
from campaigns.models.contexts import ItemContext
from campaigns.models.decisions import BulkAct, Decision, SignedDecision, SignOff
from campaigns.models.definitions import CampaignDefinition, Delegation, ReviewerGroup
from campaigns.models.desk import SavedFilter
from campaigns.models.events import AccessEvent
from campaigns.models.findings import Finding, FindingDisposition, ItemOpened
from campaigns.models.guards import HeldRemoval, HoldVerdict, PaceNotice, RemovalHold
from campaigns.models.items import Assignment, ReviewItem, SecondLook, StageResult
from campaigns.models.schedules import Occurrence
from campaigns.models.scopes import SavedScope, StandingExclusion
from campaigns.models.silence import SilenceApproval, SilenceRemoval, SilenceVerdict
from campaigns.models.sod import (
    ItemConflict,
    SodConflict,
    SodConflictGrant,
    SodEvaluation,
    SodException,
    SodExceptionRight,
    SodExceptionStep,
    SodRule,
)
from campaigns.models.spreadsheets import SheetUpload
from campaigns.models.sweeps import Sweep

__all__ = [
    "AccessEvent",
    "Assignment",
    "BulkAct",
    "Campaign",
    "CampaignDefinition",
    "CampaignSource",
    "Decision",
    "Delegation",
    "Exclusion",
    "Finding",
    "FindingDisposition",
    "HeldRemoval",
    "HoldVerdict",
    "ItemAdvice",
    "ItemConflict",
    "ItemContext",
    "ItemOpened",
    "Occurrence",
    "PaceNotice",
    "RemovalHold",
    "ReviewItem",
    "ReviewerGroup",
    "SavedFilter",
    "SavedScope",
    "SecondLook",
    "SheetUpload",
    "SignOff",
    "SignedDecision",
    "SilenceApproval",
    "SilenceRemoval",
    "SilenceVerdict",
    "SodConflict",
    "SodConflictGrant",
    "SodEvaluation",
    "SodException",
    "SodExceptionRight",
    "SodExceptionStep",
    "SodRule",
    "StageResult",
    "StandingExclusion",
    "Sweep",
]
