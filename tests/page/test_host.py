"""The host of live figures in a page without a kernel."""

import json

import pytest
from visit import PAGE, Visit, embedded, figure, type_into

from simsoftmax.live import ParticleExplorer, TemperatureExplorer

pytestmark = pytest.mark.browser

STATE = "() => [...document.querySelectorAll('[data-live]')].map((node) => node.dataset.live)"
PLACE = '<div class="place"><script type="application/vnd.jupyter.widget-view+json">{}</script><p>the picture</p></div>'


def write(site, name, figures, views, spoil=lambda state: None):
    """Write a page on which each of the figures is shown as often as its number is among the views."""
    data = embedded(*figures)
    models = [spec["model_id"] for spec in data["view_specs"]]
    spoil([data["manager_state"]["state"][model] for model in models])
    places = "".join(PLACE.format(json.dumps({"model_id": models[view]})) for view in views)
    state = json.dumps(data["manager_state"]).replace("</", "<\\/")
    (site / name).write_text(PAGE.format(views=places, state=state), encoding="utf-8")
    for one in figures:
        one.close()
    return (site / name).as_uri()


def test_views_of_one_model_show_the_same_and_other_models_do_not(browser, site):
    address = write(site, "views.html", [TemperatureExplorer([2, 1, 0.1], 0.7) for _ in range(2)], [0, 0, 1])
    with Visit(browser) as visit:
        visit.open(address)
        type_into(figure(visit, 0), "Temperature T", "3")
        shown = [figure(visit, which).get_by_label("Temperature T", exact=True).input_value() for which in range(3)]
        assert shown == ["3.00", "3.00", "0.700"]
        assert visit.page.evaluate(STATE) == ["done", "alive", "alive", "alive"]
        sheets = "[...document.querySelectorAll('style')].filter((sheet) => sheet.textContent.includes('.ssm-')).length"
        assert visit.page.evaluate(sheets) == 1  # figures of one kind share theirs


def test_a_figure_that_fails_leaves_its_picture_and_the_others_alive(browser, site):
    def spoil(states):
        states[0]["state"]["_esm"] = "export default { render() { throw new Error('broken on purpose'); } };"

    address = write(site, "failed.html", [ParticleExplorer(), TemperatureExplorer()], [0, 1], spoil)
    with pytest.raises(AssertionError, match="broken on purpose"), Visit(browser) as visit:  # noqa: PT012
        visit.page.goto(address)
        visit.page.wait_for_function("document.documentElement.dataset.live === 'done'")
        assert visit.page.evaluate(STATE) == ["done", "failed", "alive"]
        assert visit.page.locator(".place").nth(0).inner_text() == "the picture"
        assert visit.page.locator(".live-figure").count() == 1


def test_a_view_without_its_model_says_so(browser, site):
    def spoil(states):
        states[0]["state"].pop("_esm")

    address = write(site, "gone.html", [ParticleExplorer()], [0], spoil)
    with pytest.raises(AssertionError, match="no figure for this view"), Visit(browser) as visit:  # noqa: PT012
        visit.page.goto(address)
        visit.page.wait_for_function("document.documentElement.dataset.live === 'done'")


def test_a_figure_in_a_closed_place_stands_once_the_place_is_opened(browser, site):
    address = write(site, "closed.html", [TemperatureExplorer([2, 1, 0.1], 0.7)], [0])
    page = site / "closed.html"
    page.write_text(
        page.read_text()
        .replace("<main>", "<main><details><summary>open</summary>")
        .replace("</main>", "</details></main>")
    )
    with Visit(browser) as visit:
        visit.page.goto(address)
        visit.page.wait_for_load_state("load")
        visit.page.locator("summary", has_text="open").click()
        visit.page.wait_for_function("document.documentElement.dataset.live === 'done'")
        assert visit.page.evaluate("document.querySelector('.ssm').clientWidth") > 300
