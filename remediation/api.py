"""The API for programs that carry removals out: what is to be removed, and what became of it. docs/external-apply.md has examples."""

from rest_framework import serializers, status
from rest_framework.decorators import api_view, authentication_classes, parser_classes, permission_classes
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from certify.lib.access import program
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from people.authentication import TokenAuthentication
from remediation import denials, permissions
from remediation.actions import reporting
from remediation.models import RemediationTask
from remediation.states import ReportedResult

#: Rows of an answer, and reports of a request.
LIMIT, MOST_REPORTS = 1_000, 500


class Json(JSONParser):
    """JSON that anybody may have written."""

    def parse(self, stream, media_type=None, parser_context=None):
        """What the body says. Refuses what is nested deeper than Python reads."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


def endpoint(scope: str, *methods: str):
    """An address of the API: JSON in and out, only for tokens with the scope."""

    class HasScope(BasePermission):
        message = f"This token is not for {scope}."

        def has_permission(self, request, view) -> bool:
            """Whether the token has the scope for what is asked; reading needs the reading one."""
            needed = permissions.READ if request.method in ("GET", "HEAD", "OPTIONS") else scope
            self.message = f"This token is not for {needed}."
            return needed in getattr(request.user, "scopes", ())

    def decorate(view):
        for wrap in (
            authentication_classes([TokenAuthentication]),
            permission_classes([HasScope]),
            parser_classes([Json]),
        ):
            view = wrap(view)
        return program(scope)(api_view(list(methods))(view))

    return decorate


class Query(serializers.Serializer):
    """What a list is narrowed to. A parameter that does not exist is refused: a filter that is not applied would show too much."""

    campaign = serializers.IntegerField(required=False, min_value=1)
    source = serializers.CharField(required=False, max_length=80)
    waiting = serializers.BooleanField(required=False, allow_null=True, default=None)
    after = serializers.IntegerField(required=False, min_value=0, default=0)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=LIMIT, default=100)

    def validate(self, attrs: dict) -> dict:
        """Refuse what is not a parameter."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise serializers.ValidationError({name: ["There is no such parameter."] for name in unknown})
        return attrs


class ReportFields(serializers.Serializer):
    """One report."""

    result = serializers.ChoiceField(choices=ReportedResult.values)
    description = serializers.CharField(max_length=reporting.MAX_WORDS)
    key = serializers.CharField(max_length=reporting.MAX_KEY, required=False, default="", allow_blank=True)


class RowFields(ReportFields):
    """One report of many, which names its removal."""

    removal = serializers.IntegerField(min_value=1)


def shown(task: RemediationTask) -> dict:
    """A removal as JSON: what to take away, by when, where it stands."""
    item = task.item
    return {
        "id": task.pk,
        "campaign": {"id": task.campaign_id, "name": task.campaign.name},
        "system": {"key": item.source_key, "name": item.source_name},
        "account": {"id": item.account_key, "name": item.account_name},
        "person": {"id": item.identity_key, "name": item.identity_name},
        "right": {"id": item.entitlement_key, "name": item.entitlement_name, "privileged": item.privileged},
        "path": item.path,
        "action": "reduce" if item.reduce_to else "remove",
        "reduce_to": item.reduce_to,
        "reason": item.rationale,
        "decided_at": rfc3339(item.decided_at),
        "due_at": rfc3339(task.due_at),
        "state": task.state,
        "has_result": task.has_result,
        "verified_gone": task.verified_in_id is not None,
        "results": [
            {"result": one.result, "description": one.description, "key": one.key, "by": one.by_name, "at": rfc3339(one.at)}
            for one in task.results.all()
        ],
    }


@endpoint(permissions.READ, "GET")
def campaign_list(request: Request) -> Response:
    """The reviews with removals in the systems of the token; each is in remediation until every one has a result."""
    rows = [
        {
            "id": one.campaign.pk,
            "name": one.campaign.name,
            "closed_at": rfc3339(one.campaign.closed_at),
            "removals": one.removals,
            "waiting": one.waiting,
            "status": one.status,
        }
        for one in denials.campaigns(request.user)
    ]
    return Response({"campaigns": rows})


@endpoint(permissions.READ, "GET")
def removal_list(request: Request) -> Response:
    """What was denied, a page at a time."""
    query = Query(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    values = dict(query.validated_data)
    after, limit = values.pop("after"), values.pop("limit")
    found = denials.denials(request.user, **values).filter(pk__gt=after).prefetch_related("results")
    rows = list(found[: limit + 1])
    more = len(rows) > limit
    return Response({"removals": [shown(task) for task in rows[:limit]], "next_after": rows[limit - 1].pk if more else None})


def _one(request: Request, pk: int) -> RemediationTask:
    task = denials.denials(request.user).filter(pk=pk).first()
    if task is None:
        raise NotFound("There is no such removal in the systems of this token.")
    return task


@endpoint(permissions.REPORT, "GET", "PATCH")
def removal_detail(request: Request, pk: int) -> Response:
    """One removal; PATCH reports its result, under the header Idempotency-Key where there is one."""
    task = _one(request, pk)
    if request.method == "GET":
        return Response(shown(task))
    fields = ReportFields(data=request.data)
    fields.is_valid(raise_exception=True)
    key = fields.validated_data["key"] or request.headers.get("Idempotency-Key", "")
    answer = _answer({**fields.validated_data, "key": key, "removal": pk}, request)
    code = answer.pop("status")
    return Response(answer if code >= 400 else answer | {"state": _one(request, pk).state}, status=code)


@endpoint(permissions.REPORT, "POST")
def result_list(request: Request) -> Response:
    """Many results at once: each row stands or falls by itself, and the answer (207) says of each what became of it, in order."""
    rows = request.data.get("results") if isinstance(request.data, dict) else None
    if not isinstance(rows, list) or not rows:
        raise serializers.ValidationError({"results": ["Send a list of at least one report."]})
    if len(rows) > MOST_REPORTS:
        raise serializers.ValidationError({"results": [f"At most {MOST_REPORTS} reports at once; these are {len(rows):,}."]})
    answers = [_row(row, request) for row in rows]
    return Response({"results": answers}, status=status.HTTP_207_MULTI_STATUS)


def _row(row: object, request: Request) -> dict:
    fields = RowFields(data=row)
    if not fields.is_valid():
        named = row.get("removal") if isinstance(row, dict) else None
        return {"removal": named if isinstance(named, int | str) else None, "status": 422, "error": fields.errors}
    return _answer(fields.validated_data, request)


def _answer(values: dict, request: Request) -> dict:
    said = reporting.Report(values["removal"], values["result"], values["description"], values["key"])
    answer = {"removal": said.task_id}
    try:
        done = reporting.report(said=said, by=request.user)
    except RemediationTask.DoesNotExist:
        return answer | {"status": 404, "error": "There is no such removal in the systems of this token."}
    except InvalidInput as refusal:
        return answer | {"status": 422, "error": {refusal.field or "result": [refusal.message]}}
    except NotAllowed as refusal:
        return answer | {"status": 403, "error": refusal.message}
    except DomainError as refusal:
        return answer | {"status": 409, "error": refusal.message}
    return answer | {"status": 200, "result": done.result.result, "repeated": done.is_repeated}
