"""Which addresses may be reached, whichever way they are written; signatures against the published vector; waiting times."""

import ipaddress
import socket
import threading
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation import rules
from remediation.outgoing import addresses, posting, signing

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1", "255.255.255.255",
    "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_no_network_of_ones_own_is_public(text):
    assert not addresses.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_others_are(text):
    assert addresses.is_public(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_in_other_clothes_is_no_more_public(address):
    mapped = ipaddress.ip_address(f"::ffff:{address}")
    assert addresses.is_public(mapped) == addresses.is_public(address)
    assert not addresses.is_public(ipaddress.ip_address(int(ipaddress.ip_address("64:ff9b::")) + int(address)))


def test_what_the_setting_names_is_allowed_and_nothing_beside_it():
    own = addresses.networks(["10.20.0.0/16", " fd00::/8 "])
    allowed = {text: addresses.is_allowed(ipaddress.ip_address(text), own) for text in
               ("10.20.3.4", "::ffff:10.20.3.4", "10.21.0.1", "fd12::1", "127.0.0.1", "8.8.8.8")}  # fmt: skip
    assert [text for text, may in allowed.items() if may] == ["10.20.3.4", "::ffff:10.20.3.4", "fd12::1", "8.8.8.8"]
    with pytest.raises(ValueError, match="does not appear"):
        addresses.networks(["everything"])


@pytest.mark.parametrize("url", [
    "ftp://x.example/", "file:///tmp", "https://", "https:///x", "https://user@x.example/", "https://a:b@x.example/",
    "https://x.example/#a", "https://x.example:0/", "https://x.example:99999/", "https://x.ex ample/", "gopher://x", "//x.example",
    "https://x.example/\r\nHost: y", "https://[::1", "javascript:alert(1)",
])  # fmt: skip
def test_odd_addresses_are_refused(url):
    with pytest.raises(addresses.Refused):
        addresses.check_url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "::1"])
def test_every_way_to_write_the_own_machine_is_refused(host):
    with pytest.raises((addresses.Refused, OSError)):
        addresses.look_up(host, 80, [])


def test_one_bad_answer_among_good_ones_is_enough(monkeypatch):
    def both(*arguments, **more):
        return [(2, 1, 6, "", (text, 80)) for text in ("93.184.216.34", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(addresses.Refused):
        addresses.look_up("rebinding.example", 80, [])


def test_the_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(monkeypatch):
    """A name that answers a public address first and the own machine a moment later gains nothing."""
    asked, reached = [], []

    def rebinding(host, *arguments, **more):
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", 443))]

    def connect(address, *arguments):
        reached.append(address)
        raise OSError("far away")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    answer = posting.post("https://rebinding.example/", b"{}", {}, [])
    assert (asked, reached) == (["rebinding.example"], [("93.184.216.34", 443)])
    assert answer.status is None


def test_plain_http_reaches_own_networks_only(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **more: [(2, 1, 6, "", ("93.184.216.34", 80))])
    answer = posting.post("http://x.example/", b"{}", {}, [])
    assert answer.is_refused
    assert "https" in answer.error


def test_the_signature_is_that_of_the_published_example():
    """Of the Standard Webhooks libraries' own tests."""
    body, secret = b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signing.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_sealed_secret_opens_under_its_key_only(settings):
    secret = signing.new_secret()
    sealed = signing.seal(secret)
    assert secret not in sealed
    assert signing.unseal(sealed) == secret
    settings.SECRET_KEY = "another one"
    assert signing.unseal(sealed) == ""


@given(st.integers(1, 30), st.floats(0, 1), st.one_of(st.none(), st.integers(0, 10**9)))
def test_pauses_grow_stay_within_limits_and_respect_what_is_asked(tries, jitter, asked):
    found = rules.pause(tries, jitter, asked).total_seconds()
    plain = min(rules.LONGEST_PAUSE, rules.FIRST_PAUSE * 2 ** (tries - 1))
    assert found >= min(asked or 0, rules.LONGEST_RETRY_AFTER)
    assert found >= plain * 0.5
    assert found <= max(plain * 1.5, rules.LONGEST_RETRY_AFTER)


@pytest.mark.parametrize(("text", "seconds"), [("120", 120), ("", None), ("soon", None), ("-5", None), (" 7 ", 7)])
def test_retry_after_in_seconds(text, seconds):
    assert posting.retry_after(text) == seconds


def test_retry_after_as_a_date_is_held_against_their_own_clock():
    said_at = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert posting.retry_after("Wed, 21 Oct 2015 07:30:00 GMT", said_at) == 120
    assert posting.retry_after("Wed, 21 Oct 2015 07:00:00 GMT", said_at) == 0
    assert posting.retry_after("Wed, 21 Oct 2015 07:30:00 GMT") is None


ODD_DATES = ["Wed, 01 Jan 2020 00:00:00 +99999999999999999", "1 Jan 99999999999999999999 00:00:00 GMT", "0, 0 0 0 0:0:0 -9999"]


@pytest.mark.parametrize("text", ODD_DATES)
def test_retry_after_that_is_no_date_says_nothing(text):
    assert posting.retry_after(text, "Wed, 21 Oct 2015 07:28:00 GMT") is None
    assert posting.retry_after("Wed, 21 Oct 2015 07:28:00 GMT", text) is None


def answered(raw: bytes, path: str = "/") -> tuple[posting.Answer, bytes]:
    """What is made of these bytes from a server, and the first line that it was sent."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            line = server.accept()[0]
            with line:
                asked.append(line.recv(65_536).partition(b"\r\n")[0])
                line.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}{path}"
        found = posting.post(url, b"{}", {}, addresses.networks(["127.0.0.0/8"]))
        thread.join()
    return found, asked[0]


@pytest.mark.parametrize("raw", [
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhi\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n",
    b"HTTP/1.1 99999 OK\r\n\r\n",
    b"\0\0\0\0",
    b"",
])  # fmt: skip
def test_nonsense_is_an_answer_and_never_an_error_of_ours(raw):
    found, _ = answered(raw)
    assert (found.status, found.may_have_arrived) == (None, True)
    assert found.error.startswith("No answer: ")


@pytest.mark.parametrize("text", ODD_DATES)
def test_a_pause_that_makes_no_sense_loses_no_answer(text):
    head = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {text}\r\nDate: {text}\r\nContent-Length: 2\r\n\r\nhi"
    found, _ = answered(head.encode())
    assert (found.status, found.text, found.retry_after) == (429, "hi", None)


def test_letters_beyond_ascii_in_an_address_go_out_as_a_browser_writes_them():
    found, line = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "/tür/%2F?wer=ä&b=[1]")
    assert found.status == 200
    assert line == b"POST /t%C3%BCr/%2F?wer=%C3%A4&b=[1] HTTP/1.1"


def test_a_name_with_hundreds_of_silent_addresses_holds_no_worker(monkeypatch):
    tried = []
    many = [ipaddress.ip_address(f"93.184.{number // 250}.{number % 250 + 1}") for number in range(400)]
    monkeypatch.setattr(addresses, "look_up", lambda *_: many)

    def silent(address, timeout):
        tried.append(address)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", silent)
    assert posting.post("https://many.example/", b"", {}, []).status is None
    assert len(tried) == posting.ADDRESSES


@given(resets_at=st.integers(0, 10**11), now=st.integers(0, 2 * 10**9))
def test_a_limit_is_held_against_the_clock_of_the_other_side(resets_at, now):
    wait = posting.used_up(str(resets_at), formatdate(now, usegmt=True))
    assert wait == max(1, resets_at - now + 1)


def test_what_a_limit_does_not_say():
    assert (posting.used_up("soon", formatdate(0)), posting.used_up("99", ""), posting.used_up("", "")) == (None, 60, None)
