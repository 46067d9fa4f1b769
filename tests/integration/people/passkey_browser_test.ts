import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { launchBrowser, Visitor } from "../../support/browser.ts";
import { createFakeProject } from "../../support/fake_project.ts";
import { PageServer } from "../../support/page_server.ts";

const PASSWORD = "violet tractor umbrella";

/** Gives the page a device that answers by itself; `isVerified`: it has looked who uses it. */
async function addDevice(page: Page, isVerified: boolean): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: isVerified,
      automaticPresenceSimulation: true,
    },
  });
  return async () => {
    await session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
  };
}

async function typePassword(page: Page): Promise<void> {
  await page.goto("/login?by=password");
  await page.getByLabel("Name or e-mail").fill("mia");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

Deno.test("a browser adds a passkey, and signs in with it alone and after the password", async () => {
  await using server = await PageServer.start(createFakeProject());
  await server.people.users.create(
    { name: "mia", role: "viewer", password: PASSWORD, must_change: false },
    "test",
  );
  const origin = `http://localhost:${new URL(server.url).port}`;
  await using browser = await launchBrowser();
  await using visitor = await Visitor.open(browser, origin);
  const { page, complaints } = visitor;
  const removeDevice = await addDevice(page, true);
  await typePassword(page);
  await page.waitForURL(`${origin}/`);
  await page.goto("/account/factors");
  await page.getByLabel("Name", { exact: true }).fill("Laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("heading", { name: "Recovery codes" }).waitFor();
  assert.equal(await page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem").count(), 10);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByRole("rowheader", { name: "Laptop" }).waitFor();
  // The same device has one already.
  await page.getByLabel("Name", { exact: true }).fill("Again");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByText("This device has a passkey of yours already").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto("/login?by=password&next=%2Fruns");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.waitForURL(`${origin}/runs`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await typePassword(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${origin}/`);
  assert.deepEqual(
    (await server.people.sessions.list("mia")).map(({ method }) => method).toSorted(),
    ["password"],
    "what was signed out of has ended",
  );

  // Without the device it says so, and a code is still to be had.
  await removeDevice();
  await addDevice(page, true);
  await page.getByRole("button", { name: "Sign out" }).click();
  await typePassword(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByText("The passkey was not used").waitFor();
  await page.getByLabel("Recovery code").waitFor();

  // At another name of this server passkeys are not offered in vain.
  await page.goto(`${server.url}/login?by=password`);
  await page.getByText(`Passkeys work at ${origin} alone`).waitFor();
  assert.ok(await page.getByRole("button", { name: "Sign in with a passkey" }).isDisabled());
  assert.deepEqual(complaints.filter((one) => !one.startsWith(`request to ${server.url}`)), []);
});
