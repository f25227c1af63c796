"""The driver itself: what it returns, and that it notices what is wrong with a page."""

from __future__ import annotations

import pytest

from tests.browser.driver import needs_browser, visit

VISIT = """export default async (page, {url}) => {
  await page.goto(url);
  return page.evaluate(() => document.title);
};"""


def opened(tmp_path, html):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><title>a page</title>{html}", encoding="utf-8")
    script = tmp_path / "visit.mjs"
    script.write_text(VISIT, encoding="utf-8")
    return visit(script, url=page.as_uri())


@needs_browser
def test_returns_what_the_visit_found(tmp_path):
    assert opened(tmp_path, "") == "a page"


@needs_browser
@pytest.mark.parametrize(
    "html",
    [
        "<script>nothing.there</script>",
        "<img src='http://example.com/a.png'>",
        "<img src='no.png'>",
    ],
)
def test_a_page_with_a_fault_fails(tmp_path, html):
    with pytest.raises(AssertionError, match="nothing|example|no.png"):
        opened(tmp_path, html)
