"""Tags of rights: what a cell may hold, where they are shown, and whom a search by tag finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.models import Entitlement, RejectedRow
from inventory.readers.fields import MAX_TAGS, CellError, tags
from tests.story import ENTITLEMENTS


def tagged(read: str, admin: str) -> str:
    """The file of rights with these tags."""
    head, first, second = ENTITLEMENTS.splitlines()
    return f'{head},tags\n{first},"{read}"\n{second},"{admin}"\n'


@given(st.lists(st.text(st.sampled_from("abÄ _-:%'*"), max_size=8)), st.sampled_from([";", ",", "|", " ; "]))
def test_a_cell_of_tags_is_a_sorted_set_in_lower_case(words, between):
    plain = sorted({" ".join(word.split()).lower() for word in words} - {""})
    if len(plain) <= MAX_TAGS:
        assert tags(between.join(words)) == "{" + ",".join(f'"{word}"' for word in plain) + "}"


@pytest.mark.parametrize("cell", ['a"b', "a\\b", "{a}", "x" * 61, ";".join(f"t{place}" for place in range(MAX_TAGS + 1))])
def test_what_is_no_tag_is_refused(cell):
    with pytest.raises(CellError):
        tags(cell)


@pytest.mark.django_db
def test_tags_are_loaded_changed_and_kept_and_a_bad_one_is_rejected(story):
    story.load(entitlements=tagged("SOX; Pay  ments, sox", ""))
    read = Entitlement.objects.get(key="read")
    assert (read.tags, Entitlement.objects.get(key="admin").tags) == (["pay ments", "sox"], [])
    story.load("partial", entitlements=tagged("a{b", "sox"))
    assert [(row.field, row.line) for row in RejectedRow.objects.all()] == [("tags", 2)]
    assert (Entitlement.objects.get(key="admin").tags, [one.tags for one in read.former.order_by("pk")]) == (["sox"], [[]])
    story.load(entitlements=ENTITLEMENTS)
    assert not Entitlement.objects.exclude(tags=[]).exists()
    assert [one.tags for one in read.former.order_by("pk")] == [[], ["pay ments", "sox"]]


@pytest.mark.django_db
def test_the_pages_show_tags_and_find_by_them(client, story):
    story.load(entitlements=tagged("sox", ""))
    client.force_login(story.system_owner)
    page = client.get(f"/inventory/rights/{Entitlement.objects.get(key='read').pk}/").content.decode()
    assert '<span class="chip">sox</span>' in page
    assert "6 accounts" in page
    found = client.get(f"/inventory/{story.source.pk}/grants/?search=SOX").context["grants"]
    assert {grant.entitlement.key for grant in found} == {"read"}
    assert len(found) == 6
