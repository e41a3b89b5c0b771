"""The ways in which removals leave the house: one file a kind, one line here. No database in here."""

from remediation.connectors.directory import DIRECTORY
from remediation.connectors.github import GITHUB
from remediation.connectors.jira import JIRA
from remediation.connectors.protocol import Kind
from remediation.connectors.scim import SCIM
from remediation.connectors.servicenow import SERVICENOW
from remediation.connectors.template import TEMPLATE
from remediation.connectors.webhook import WEBHOOK

KINDS: dict[str, Kind] = {kind.key: kind for kind in (WEBHOOK, SCIM, DIRECTORY, JIRA, SERVICENOW, GITHUB, TEMPLATE)}
