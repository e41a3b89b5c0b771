"""Dates in the reader's language. The library is loaded for every template, so this `date` stands in for Django's."""

from django import template
from django.template import defaultfilters
from django.utils.translation import pgettext

register = template.Library()


@register.filter(expects_localtime=True, is_safe=False)
def date(value, form=None):
    """Django's filter, but the order of day, month and year is the language's: `j F Y` is `j. F Y` in German."""
    return defaultfilters.date(value, pgettext("date format", form) if form else form)
