import assert from "node:assert/strict";
import { CookieBrowser } from "../../support/cookie_browser.ts";
import { launchBrowser } from "../../support/browser.ts";
import { freePort, IdentityProvider } from "../../support/identity_provider.ts";
import { SluiceServer } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const MIA = {
  name: "Mia Moss",
  preferred_username: "mia",
  email: "mia@example.com",
  email_verified: true,
  groups: ["finance"],
};

Deno.test("single sign-on with a real identity provider", async (t) => {
  await using project = await TestProject.create({ "connectors.yaml": "files: { type: file }\n" });
  const port = freePort();
  await using sluice = await SluiceServer.start(project.projectDir, project.dataDir, {
    SLUICE_OIDC_ISSUER: `http://127.0.0.1:${port}`,
    SLUICE_OIDC_CLIENT_ID: "sluice",
    SLUICE_OIDC_CLIENT_SECRET: "provider-secret-that-is-long-enough",
    SLUICE_OIDC_LABEL: "Sign in with Acme",
    SLUICE_OIDC_ONLY: "1",
  });
  // The server was ready before the provider was.
  await using provider = await IdentityProvider.start(sluice.url, { mia: MIA, leo: {} }, port);
  await sluice.call("POST", "/api/groups", { name: "finance" }, [201]);
  await sluice.call("POST", "/api/grants", { holder: "@finance", role: "viewer" }, [201]);

  const signIn = async (browser: CookieBrowser, login: string) => {
    const page = await browser.follow(`${sluice.url}/oidc/login?next=/runs`);
    const end = await browser.submit(page, { login, password: "any" });
    await end.response?.body?.cancel();
    return end.url;
  };
  const isIn = async (browser: CookieBrowser) => {
    const response = await browser.ask(`${sluice.url}/runs`);
    await response.body?.cancel();
    return response.status === 200;
  };

  await t.step("a person signs in and out in a browser, here and at the provider", async () => {
    await using chromium = await launchBrowser();
    const context = await chromium.newContext({ baseURL: sluice.url });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    await page.goto("/runs?state=failed");
    assert.equal(await page.getByLabel("Password").count(), 0);
    await page.getByRole("link", { name: "Sign in with Acme" }).click();
    await page.locator("input[name=login]").fill("mia");
    await page.locator("input[name=password]").fill("any");
    await page.getByRole("button").first().click();
    await page.waitForURL(`${sluice.url}/runs?state=failed`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${provider.issuer}/**`);
    await page.getByRole("button", { name: "Yes, sign me out" }).click();
    await page.waitForURL(`${sluice.url}/login**`);
    await page.goto("/runs");
    assert.equal(new URL(page.url()).pathname, "/login");
    // The provider has forgotten her as well: it asks who she is.
    await page.getByRole("link", { name: "Sign in with Acme" }).click();
    await page.locator("input[name=login]").waitFor();
  });

  await t.step("what the provider says of her decides at each sign-in", async () => {
    const browser = new CookieBrowser();
    assert.equal(await signIn(browser, "mia"), `${sluice.url}/runs`);
    const { groups, email } = await sluice.call<{ groups: string[]; email: string }>("GET", "/api/users/mia");
    assert.deepEqual([groups, email], [["finance"], "mia@example.com"]);
    await provider.setAccounts({ mia: { ...MIA, groups: [] }, leo: {} });
    const again = new CookieBrowser();
    await signIn(again, "mia");
    const after = await sluice.call<{ groups: string[] }>("GET", "/api/users/mia");
    assert.deepEqual(after.groups, []);

    await sluice.call("PATCH", "/api/users/mia", { disabled: true });
    assert.equal(await isIn(browser), false);
    const jar = new CookieBrowser();
    const page = await jar.submit(await jar.follow(`${sluice.url}/oidc/login`), {
      login: "mia",
      password: "any",
    });
    assert.equal(page.response?.status, 403);
    assert.match(await page.response?.text() ?? "", /let in no more/);
  });

  await t.step("a code is worth nothing twice, and nothing in another browser", async () => {
    const browser = new CookieBrowser();
    const page = await browser.follow(`${sluice.url}/oidc/login`);
    const { url } = await browser.submit(
      page,
      { login: "leo", password: "any" },
      (at) => at.includes("/oidc/callback"),
    );
    const other = await new CookieBrowser().ask(url);
    assert.equal(other.status, 400);
    await other.body?.cancel();
    const first = await browser.ask(url);
    await first.body?.cancel();
    assert.deepEqual([first.status, first.headers.get("location")], [303, "/"]);
    const second = await browser.ask(url);
    assert.equal(second.status, 400);
    await second.body?.cancel();
    assert.equal(await isIn(browser), true);
  });

  await t.step("signing out at the provider ends the session here", async () => {
    const browser = new CookieBrowser();
    await signIn(browser, "leo");
    assert.equal(await isIn(browser), true);
    assert.match(await (await browser.ask(`${sluice.url}/`)).text(), /You have no role yet/);
    const confirm = await browser.follow(`${provider.issuer}/session/end`);
    const end = await browser.submit(confirm, { logout: "yes" });
    await end.response?.body?.cancel();
    assert.equal(await isIn(browser), false);
  });

  await t.step("a service gets a token for an hour, and nobody else signs in by a password", async () => {
    const { token } = await sluice.call<{ token: string }>("POST", "/api/tokens", {
      name: "ci",
      role: "viewer",
    }, [201]);
    const response = await fetch(`${sluice.url}/oauth/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`ci:${token}`)}` },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    const { access_token, expires_in } = await response.json();
    assert.equal(expires_in, 3_600);
    const runs = await sluice.request("GET", "/api/runs", {
      headers: { Authorization: `Bearer ${access_token}` },
    });
    assert.equal(runs.status, 200);
    await runs.body?.cancel();
    const password = await fetch(`${sluice.url}/login`, {
      method: "POST",
      body: new URLSearchParams({ username: "mia", password: "any" }),
    });
    assert.equal(password.status, 403);
    await password.body?.cancel();
  });
});
