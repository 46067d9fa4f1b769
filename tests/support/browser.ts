import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

const CHROMIUM = Deno.env.get("SLUICE_TEST_CHROMIUM") ?? "/usr/bin/chromium";

/** A real headless browser without traffic of its own. */
export async function launchBrowser(): Promise<Browser & AsyncDisposable> {
  return await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A browser window of its own, with everything that its pages complained about. */
export class Visitor implements AsyncDisposable {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught exceptions, dialogs, and requests to elsewhere. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;
  readonly #server: URL;

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.#server = new URL(origin);
    this.page = page;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`exception: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) this.complaints.push(`request to ${request.url()}`);
    });
  }

  static async open(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ baseURL: origin, ...options });
    context.setDefaultTimeout(10_000);
    return new Visitor(context, await context.newPage(), origin);
  }

  /** Signs in without the login page: the window gets the session's cookie. */
  async enterAs(token: string): Promise<void> {
    const { origin } = this.#server;
    const form = new URLSearchParams({ token });
    const response = await fetch(`${origin}/login`, { method: "POST", body: form, redirect: "manual" });
    await response.body?.cancel();
    const [cookie = ""] = response.headers.getSetCookie();
    const [name = "", value = ""] = cookie.split(";")[0]?.split("=") ?? [];
    await this.#context.addCookies([{ name, value, url: origin, httpOnly: true, sameSite: "Lax" }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
