"""The SDK's chat page in a real browser, on an origin of its own, against the running service."""

import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import ServiceFactory
from tests.process import Program
from tests.running import ADMIN_KEY, RunningService
from tests.sdks.npm import TYPESCRIPT_SDK, node_path
from tests.simulator import Reply, Simulator, Stall, Words, overloaded

pytestmark = pytest.mark.usefixtures("built_sdk")

CHROMIUM_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
MARKUP = "<img src=x onerror=\"document.title='owned'\"> & <b>bold</b>"


class ChatPage:
    """The page, the service behind it, and what it complained about."""

    def __init__(self, page: Page, service: RunningService, origin: str) -> None:
        self.page = page
        self.service = service
        self.origin = origin
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text) if message.type == "error" else None
            ),
        )
        self.answers = page.locator("li.assistant")
        self.stop = page.get_by_role("button", name="Stop")

    async def ask(self, prompt: str) -> None:
        """Type a message and send it."""
        await self.page.get_by_label("Your message").fill(prompt)
        await self.page.get_by_role("button", name="Send").click()


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    assert path, "chromium is not installed: `make tools` installs it"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest.fixture
def port() -> int:
    """A port that is free now; the service has to know the page's origin before the page is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
    return free


@pytest.fixture
def opened_service(start_service: ServiceFactory, port: int) -> RunningService:
    """A service that pages of that origin may call."""
    return start_service(cors_origins=f"http://127.0.0.1:{port}", max_attempts=1)


@pytest.fixture
def backend(opened_service: RunningService, port: int) -> Iterator[str]:
    """The example's own backend, with a key that may generate; its origin."""
    made = httpx.post(
        f"{opened_service.url}/api/v1/keys",
        headers={"X-API-Key": ADMIN_KEY},
        json={"name": "chat page", "scopes": ["generate"]},
    ).json()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "AI_SERVICE_API_KEY": made["key"],
        "AI_SERVICE_KEY_ID": made["id"],
        "AI_SERVICE_BASE_URL": opened_service.url,
    }
    folder = TYPESCRIPT_SDK / "examples" / "chat"
    with Program([node_path(), "server.mjs"], folder, environment) as program:
        yield program.wait_for_line("http://").strip()


@pytest.fixture
async def chat(
    browser: Browser, opened_service: RunningService, backend: str
) -> AsyncIterator[ChatPage]:
    """The page, ready for a first message."""
    context = await browser.new_context()
    context.set_default_timeout(15_000)
    page = ChatPage(await context.new_page(), opened_service, backend)
    await page.page.goto(backend)
    await expect(page.page.get_by_label("Model")).to_have_value("haiku")
    yield page
    await context.close()


async def test_tokens_arrive_as_they_come_and_then_the_cost(
    chat: ChatPage, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=3, reply=Words(count=6)), on="anthropic")
    await chat.ask("Count")
    await expect(chat.answers).to_have_attribute("aria-busy", "true")
    await expect(chat.answers.locator("p")).to_have_text("w0 w1 w2")
    simulator.release()
    await expect(chat.answers.locator("p")).to_have_text("w0 w1 w2 w3 w4 w5")
    await expect(chat.answers).to_have_attribute("aria-busy", "false")
    await expect(chat.answers.locator("footer")).to_contain_text("claude-haiku")
    await expect(chat.answers.locator("footer")).to_contain_text("$0.0000")
    await expect(chat.page.locator("#total")).not_to_have_text("$0.000000")
    assert chat.complaints == []


async def test_stop_closes_the_connection_to_the_provider_and_keeps_what_has_come(
    chat: ChatPage, simulator: Simulator
) -> None:
    simulator.script(Words(count=100_000, interval_seconds=0.01), on="anthropic")
    await chat.ask("Go on for ever")
    await expect(chat.answers.locator("p")).to_contain_text("w2")
    await chat.stop.click()
    await expect(chat.answers.locator("footer")).to_have_text("stopped")
    await expect(chat.stop).to_be_hidden()
    await simulator.wait_for(lambda at: at.calls and at.calls[-1].client_left_at is not None)
    await chat.ask("And now?")
    await expect(chat.answers.nth(1).locator("p")).to_have_text("Echo: And now?")
    said = [message["role"] for message in simulator.calls[-1].body["messages"]]
    assert said == ["user", "assistant", "user"]
    assert chat.complaints == []


async def test_what_the_model_says_is_text_and_never_markup(
    chat: ChatPage, simulator: Simulator
) -> None:
    simulator.script(Reply(text=MARKUP), on="anthropic")
    await chat.ask(MARKUP)
    await expect(chat.answers.locator("p")).to_have_text(MARKUP)
    await expect(chat.answers.locator("footer")).to_contain_text("tokens")
    assert await chat.page.locator("li img, li b").count() == 0
    assert await chat.page.title() == "Chat"


async def test_a_failure_is_told_and_the_next_message_works(
    chat: ChatPage, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=1, reply=Words(count=3)), on="anthropic")
    await chat.ask("Break")
    await expect(chat.answers.locator("p")).to_have_text("w0")
    simulator.reset()  # cuts the connection
    await expect(chat.page.get_by_role("alert")).to_be_visible()
    await expect(chat.answers.locator("footer")).to_have_text("broken off")
    await chat.ask("Again")
    await expect(chat.page.get_by_role("alert")).to_be_hidden()
    await expect(chat.answers.nth(1).locator("p")).to_have_text("Echo: Again")


async def test_keyboard_alone_is_enough(chat: ChatPage) -> None:
    await expect(chat.page.get_by_label("Your message")).to_be_focused()
    await chat.page.keyboard.type("One")
    await chat.page.keyboard.press("Shift+Enter")
    await chat.page.keyboard.type("Two")
    await chat.page.keyboard.press("Enter")
    await expect(chat.answers.locator("p")).to_have_text("Echo: One\nTwo")
    await expect(chat.page.get_by_label("Your message")).to_be_focused()


async def test_a_refused_token_is_replaced_without_a_word(chat: ChatPage) -> None:
    asked = await chat.page.evaluate(
        """async (baseURL) => {
            const { AIServiceSDK } = await import('/sdk.js');
            let asked = 0;
            const token = async () => {
                const answer = await fetch('/token', { method: 'POST' });
                return asked++ === 0 ? 'sk-ais-expired' : (await answer.json()).token;
            };
            await new AIServiceSDK({ token, baseURL }).generate('Hi');
            return asked;
        }""",
        chat.service.url,
    )
    assert asked == 2


async def test_a_key_in_a_page_is_refused_unless_it_is_meant(chat: ChatPage) -> None:
    made = """async (options) => {
        const { AIServiceSDK } = await import('/sdk.js');
        try { new AIServiceSDK({ apiKey: 'sk-ais-secret', ...options }); return 'made'; }
        catch (error) { return error.name; }
    }"""
    assert await chat.page.evaluate(made, {}) == "AIServiceError"
    assert await chat.page.evaluate(made, {"dangerouslyAllowBrowser": True}) == "made"


async def test_retry_after_and_the_request_id_reach_a_page_over_cors(
    chat: ChatPage, simulator: Simulator
) -> None:
    for vendor in ("anthropic", "openai"):
        simulator.always(overloaded(), on=vendor)
    told = await chat.page.evaluate(
        """async (baseURL) => {
            const { AIServiceSDK } = await import('/sdk.js');
            const token = async () => (await (await fetch('/token', { method: 'POST' })).json()).token;
            const sdk = new AIServiceSDK({ token, baseURL, maxRetries: 0 });
            const error = await sdk.generate('Hi', { cache: false }).catch((reason) => reason);
            return [error.name, error.headers.has('Retry-After'), error.headers.has('X-Request-ID')];
        }""",
        chat.service.url,
    )
    assert told == ["ServiceUnavailableError", True, True]


async def test_the_sdk_streams_in_a_worker(chat: ChatPage, browser: Browser) -> None:
    # The page's policy allows no workers, and an example should not be laxer than it needs.
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.goto(chat.origin)
    text = await page.evaluate(
        """async (baseURL) => {
            const { token } = await (await fetch('/token', { method: 'POST' })).json();
            const source = `
                import { AIServiceSDK } from '${location.origin}/sdk.js';
                const sdk = new AIServiceSDK(() => '${token}', '${baseURL}');
                sdk.streamGenerate('From a worker').final().then(({ text }) => postMessage(text));`;
            const script = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
            const worker = new Worker(script, { type: 'module' });
            return new Promise((resolve, reject) => {
                worker.onmessage = (event) => resolve(event.data);
                worker.onerror = (event) => reject(new Error(event.message));
            });
        }""",
        chat.service.url,
    )
    await context.close()
    assert text == "Echo: From a worker"
