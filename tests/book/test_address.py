"""A published book names its own address and its own source; a book of one's own names neither."""

from types import SimpleNamespace

import pytest
from building import extension
from sphinx.errors import ConfigError


@pytest.fixture(scope="module")
def address():
    return extension("address")


def filled(address):
    config = SimpleNamespace(html_baseurl="", html_theme_options={"use_repository_button": False})
    address.fill_in(None, config)
    return config


def test_a_book_of_ones_own_names_no_host(address, monkeypatch):
    monkeypatch.delenv("BOOK_ADDRESS", raising=False)
    monkeypatch.setenv("BOOK_SOURCE", "")
    config = filled(address)
    assert config.html_baseurl == ""
    assert config.html_theme_options == {"use_repository_button": False}


def test_a_fork_names_its_own(address, monkeypatch):
    monkeypatch.setenv("BOOK_ADDRESS", "https://someone.github.io/book/")
    monkeypatch.setenv("BOOK_SOURCE", "https://github.com/someone/book")
    config = filled(address)
    assert config.html_baseurl == "https://someone.github.io/book/"
    assert config.html_theme_options["repository_url"] == "https://github.com/someone/book"
    assert config.html_theme_options["use_repository_button"] is True


@pytest.mark.parametrize("name", ["BOOK_ADDRESS", "BOOK_SOURCE"])
@pytest.mark.parametrize("wrong", ["someone.github.io", "javascript:alert(1)", "https://"])
def test_what_is_no_address_is_refused(address, monkeypatch, name, wrong):
    monkeypatch.setenv(name, wrong)
    with pytest.raises(ConfigError, match=name):
        filled(address)
