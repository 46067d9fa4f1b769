import { fileURLToPath } from "node:url";
import { fail } from "node:assert/strict";

const PROCESS = fileURLToPath(new URL("./identity_provider_process.ts", import.meta.url));
const READY_MS = 20_000;

export type Accounts = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A real identity provider in a process of its own, with Sluice as its client. */
export class IdentityProvider implements AsyncDisposable {
  readonly issuer: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;

  private constructor(child: Deno.ChildProcess, issuer: string, output: Promise<string>) {
    this.#child = child;
    this.issuer = issuer;
    this.#output = output;
  }

  /** `sluiceUrl` is where browsers reach the server. */
  static async start(sluiceUrl: string, accounts: Accounts, port = freePort()): Promise<IdentityProvider> {
    const setting = {
      port,
      redirectUri: `${sluiceUrl}/oidc/callback`,
      postLogoutUri: `${sluiceUrl}/login`,
      backchannelUri: `${sluiceUrl}/oidc/backchannel-logout`,
      accounts,
    };
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--frozen", PROCESS, JSON.stringify(setting)],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      .then((parts) => parts.join("\n"));
    const issuer = `http://127.0.0.1:${port}`;
    const provider = new IdentityProvider(child, issuer, output);
    const until = Date.now() + READY_MS;
    while (Date.now() < until) {
      const response = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok === true) return provider;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await provider[Symbol.asyncDispose]();
    fail(`the identity provider did not start: ${await output}`);
  }

  /** Changes what it says of people from now on. */
  async setAccounts(accounts: Accounts): Promise<void> {
    const response = await fetch(`${this.issuer}/test/accounts`, {
      method: "PUT",
      body: JSON.stringify(accounts),
    });
    await response.body?.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#output;
  }
}

/** One that is free now; nobody else takes it so soon. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
