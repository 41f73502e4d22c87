"""Swagger UI in a real browser: it works on a machine that reaches nothing but the service."""

import shutil
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Locator, Page, Request, async_playwright, expect

from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Reply, Simulator

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium. A machine without it fails here: `make browser` installs it."""
    path = shutil.which("chromium")
    assert path, "chromium is not installed"
    expect.set_options(timeout=15_000)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        await chromium.close()


class Watched:
    """A page on /docs, with all that it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )

    def operation(self, name: str) -> Locator:
        """The block of one operation."""
        return self.page.locator(f"[id$=-{name}].opblock")

    async def execute(self, name: str) -> Locator:
        """Open an operation and send its example; returns what the page shows of the live answer."""
        block = self.operation(name)
        await block.locator(".opblock-summary-control").click()
        await block.get_by_role("button", name="Execute").click()
        answer = block.locator(".live-responses-table .response")
        await expect(answer).to_be_visible()
        return answer

    async def authorize(self, key: str) -> None:
        """Press Authorize and paste the key into X-API-Key."""
        await self.page.get_by_role("button", name="Authorize", exact=True).first.click()
        form = self.page.locator(".auth-container", has_text="X-API-Key")
        await form.get_by_label("Value:").fill(key)
        await form.get_by_role("button", name="Apply credentials").click()
        await form.get_by_role("button", name="Close").click()
        await expect(form).to_have_count(0)


@pytest.fixture
async def docs(shared_service: RunningService, browser: Browser) -> AsyncIterator[Watched]:
    """/docs in a fresh browser profile, loaded and rendered."""
    context = await browser.new_context()
    watched = Watched(await context.new_page())
    await watched.page.goto(f"{shared_service.url}/docs")
    await expect(watched.operation("generate")).to_be_visible()
    yield watched
    await context.close()


async def test_the_page_is_whole_asks_nobody_but_the_service_and_has_no_complaints(
    docs: Watched, shared_service: RunningService
) -> None:
    for name in ("stream_generate", "chat", "stream_chat", "create_embeddings", "run_batch"):
        await expect(docs.operation(name)).to_be_visible()
    summary = docs.operation("generate").locator(".opblock-summary-description")
    await expect(summary).to_have_text("Answer a prompt")
    assert await docs.page.title() == "AI Service - API"
    await docs.page.wait_for_load_state("networkidle")
    assert {urlsplit(request.url).hostname for request in docs.requests} == {"127.0.0.1"}
    assert all(request.url.startswith(shared_service.url) for request in docs.requests)
    paths = {urlsplit(request.url).path for request in docs.requests}
    assert {"/docs", "/openapi.json", "/docs/assets/swagger-ui-bundle.js"} <= paths
    assert docs.complaints == []


async def test_with_a_key_requests_can_be_tried_out_and_show_their_answers(
    docs: Watched, simulator: Simulator
) -> None:
    simulator.script(
        Reply(text="Atoms dance in doubt."), Reply(text="Drop by drop"), on="anthropic"
    )
    await docs.authorize(ADMIN_KEY)
    answer = await docs.execute("generate")
    await expect(answer.locator(".response-col_status")).to_contain_text("200")
    await expect(answer).to_contain_text("Atoms dance in doubt.")
    await expect(answer).to_contain_text("cost_usd")
    assert "Explain quantum computing" in str(simulator.calls[0].body)
    answer = await docs.execute("stream_generate")
    await expect(answer.locator(".response-col_status")).to_contain_text("200")
    await expect(answer).to_contain_text('"type":"token"')
    await expect(answer).to_contain_text('"type":"done"')
    assert docs.complaints == []
    await docs.page.reload()
    answer = await docs.execute("list_models")
    await expect(answer.locator(".response-col_status")).to_contain_text("200")


async def test_without_a_key_or_with_a_wrong_one_the_page_shows_the_same_401(
    docs: Watched, simulator: Simulator
) -> None:
    answer = await docs.execute("generate")
    await expect(answer.locator(".response-col_status")).to_contain_text("401")
    await expect(answer).to_contain_text("authentication_error")
    await expect(answer).to_contain_text("Invalid or missing API key")
    await docs.authorize("sk-ais-wrong")
    answer = await docs.execute("chat")
    await expect(answer.locator(".response-col_status")).to_contain_text("401")
    await expect(answer).to_contain_text("Invalid or missing API key")
    assert simulator.calls == []
