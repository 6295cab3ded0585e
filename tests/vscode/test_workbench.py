"""VS Code as a person sees it: squiggle, hover, page, lightbulb, fix, undo, preview, timeline."""

import json
import re
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.editors, pytest.mark.xdist_group("browser")]

LOCAL = ".vscode-resource.vscode-cdn.net"
PLACE = (33, 9)  # `pos = Position::Minor;`
BEFORE, AFTER = "let pos = Position::Major;", "let mut pos = Position::Major;"


async def to_the_error(workbench) -> None:
    """The file is open, its error is underlined, a fix is proven, the cursor is on the error."""
    await workbench.appears(workbench.page.locator(".squiggly-error"), "the squiggle")
    await workbench.fixes_wait()
    await workbench.page.locator(".editor-instance .view-lines").first.click()
    await workbench.go_to(*PLACE)


def told(workbench) -> list[str]:
    """What the server has kept of a person's decisions."""
    file = workbench.folder / "cache/feedback.jsonl"
    return [json.loads(line)["what"] for line in file.read_text().splitlines()] if file.exists() else []


async def until_told(workbench, *what: str) -> None:
    async def is_told() -> bool:
        return told(workbench) == list(what)

    await workbench.until(f"feedback {what}", is_told)


async def test_hover_page_fix_undo_and_timeline_in_the_dark(open_workbench, semver, broken):
    settings = {"rusta.keepFeedback": True, "rusta.runTests": False}
    async with open_workbench(semver, broken, settings=settings) as workbench:
        page = workbench.page
        await to_the_error(workbench)
        await workbench.screenshot("dark-squiggle")

        # The hover cites; what it cites is a command that shows the page here.
        links = page.locator("a[data-href^='command:rusta.showPage']")
        hover = page.locator(".monaco-hover:visible", has=links)

        async def cited() -> bool:
            await page.keyboard.press("Control+k")
            await page.keyboard.press("Control+i")
            try:
                await hover.first.wait_for(timeout=3000)
                return True
            except Exception:
                await page.keyboard.press("Escape")
                return False

        await workbench.until("a hover that cites", cited)
        await workbench.screenshot("dark-hover")
        await hover.locator(links).first.click()
        view = await workbench.frame("mark#quote")
        assert await view.locator("mark#quote").is_visible()
        assert await view.locator("main script").count() == 0
        await workbench.screenshot("dark-page")

        # The lightbulb: Rusta's fix first, with how far it is proven and how sure Rusta is.
        await page.locator(".editor-instance .view-lines").first.click()
        await workbench.go_to(*PLACE)
        rows = await workbench.open_menu()
        assert re.search(r"\[V2: compiles · \d+\s%\]", rows[0]), rows
        await workbench.screenshot("dark-lightbulb")
        await page.keyboard.press("Enter")
        await workbench.shows(AFTER)
        await until_told(workbench, "accepted")
        assert BEFORE in broken.read_text(), "only the buffer has changed"
        await page.keyboard.press("Control+z")
        await workbench.shows(BEFORE)
        await until_told(workbench, "accepted", "undone")

        # The timeline of the search that found it, played back.
        await workbench.run("Rusta: Open the Trace Timeline")
        view = await workbench.frame("#steps .step.decide")
        await view.get_by_role("button", name="Replay").click()
        await workbench.appears(view.locator("#result.same"), "the same decisions")
        await workbench.screenshot("dark-timeline")

        # Files of ours have addresses of this kind in views; a worker in the window answers them.
        asked = [urlsplit(url).hostname or "" for url in workbench.asked_by_views if url.startswith("http")]
        assert [host for host in asked if host != "127.0.0.1" and not host.endswith(LOCAL)] == []


async def test_a_big_fix_is_shown_before_it_is_applied_in_the_light(open_workbench, semver, broken):
    settings = {"rusta.keepFeedback": True, "rusta.runTests": False, "rusta.previewLines": 0}
    async with open_workbench(semver, broken, theme="light", settings=settings) as workbench:
        page = workbench.page
        await to_the_error(workbench)
        await workbench.open_menu()
        await workbench.screenshot("light-lightbulb")
        await page.keyboard.press("Enter")
        await workbench.appears(page.locator(".monaco-diff-editor"), "the preview")
        await workbench.appears(page.get_by_text(re.compile("Apply it\\?")), "the question")
        await workbench.screenshot("light-preview")
        await page.get_by_role("button", name="Discard", exact=True).click()
        await until_told(workbench, "ignored")
        await workbench.disappears(page.locator(".monaco-diff-editor:visible"), "the preview")
        await workbench.shows(BEFORE)

        await workbench.go_to(*PLACE)
        await workbench.open_menu()
        await page.keyboard.press("Enter")
        await workbench.appears(page.locator(".monaco-diff-editor"), "the preview again")
        await page.get_by_role("button", name="Apply", exact=True).click()
        await workbench.shows(AFTER)
        await until_told(workbench, "ignored", "accepted")
        await workbench.disappears(page.locator(".monaco-diff-editor:visible"), "the preview")

        # From the timeline the fix is taken back.
        await workbench.run("Rusta: Open the Trace Timeline")
        view = await workbench.frame("#steps .back")
        await workbench.screenshot("light-timeline")
        await view.get_by_role("button", name="Take back").first.click()
        await workbench.shows(BEFORE)
        await until_told(workbench, "ignored", "accepted", "undone")
