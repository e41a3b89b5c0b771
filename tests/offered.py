"""What a page offers its reader: links and buttons."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit


class Page(HTMLParser):
    """The addresses that a page links to, and those that its buttons post to."""

    def __init__(self, text: str, path: str):
        super().__init__()
        self.path, self.links, self.posts = path, set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Collect links and forms, of plain HTML and of htmx."""
        found = dict(attrs)
        for name in ("href", "hx-get"):
            if tag != "link" and found.get(name, "").startswith(("/", "?")):
                self.links.add(urljoin(self.path, found[name]))
        if tag == "form" and found.get("method") == "post":
            self.posts.add(urlsplit(urljoin(self.path, found.get("action", ""))).path)
        if "hx-post" in found:
            self.posts.add(urlsplit(urljoin(self.path, found["hx-post"])).path)
