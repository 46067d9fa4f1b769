import { answer, found, notFound, refused, type VaultAnswer, type VaultQuery } from "./answers.ts";
import { type Engine, engineTypes } from "./engines.ts";

/**
 * A server of Vault's protocol for tests, written from its documentation and compared with answers of Vault 1.21 itself: as
 * strict about paths, methods, tokens, policies, namespaces and leases, and as short with words. It is no Vault: it keeps
 * all in memory and has no more than Sluice asks for.
 */
export interface VaultServerOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Requests without it find nothing. */
  readonly namespace?: string;
  /** Speaks TLS with this certificate (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** `path` ends with * for all below it; capabilities as Vault has them. */
export interface PolicyRule {
  readonly path: string;
  readonly capabilities: readonly ("create" | "read" | "update" | "list" | "sudo")[];
}

interface Token {
  readonly id: string;
  readonly rules: readonly PolicyRule[] | "root";
  readonly isRenewable: boolean;
  readonly ttlMs: number;
  readonly createdMs: number;
  readonly maxEndsMs: number;
  endsMs: number;
}

interface Lease {
  readonly id: string;
  readonly token: string;
  readonly isRenewable: boolean;
  readonly ttlMs: number;
  readonly maxEndsMs: number;
  endsMs: number;
  readonly revoke: () => Promise<void>;
}

/** Somebody who may sign in: what is sent has to be the same. */
export interface SignInRole {
  readonly method: "approle" | "kubernetes" | "jwt";
  /** The method's own name by default. */
  readonly mount?: string;
  readonly sent: Readonly<Record<string, string>>;
  readonly rules: readonly PolicyRule[];
  readonly ttlMs?: number;
  readonly maxTtlMs?: number;
}

/** What the policy "default" has. */
const DEFAULT_RULES: readonly PolicyRule[] = [
  { path: "auth/token/lookup-self", capabilities: ["read"] },
  { path: "auth/token/renew-self", capabilities: ["update"] },
  { path: "auth/token/revoke-self", capabilities: ["update"] },
  { path: "sys/leases/renew", capabilities: ["update"] },
];
const NEVER_MS = 8_640_000_000_000_000;

export class VaultServer implements AsyncDisposable {
  readonly rootToken = `hvs.root${crypto.randomUUID().replaceAll("-", "")}`;
  /** `GET secret/data/shop` and so on, as they came; those of tokens and mounts too. */
  readonly requests: string[] = [];
  /** The next requests are answered so, before anything is looked at. */
  readonly failures: VaultAnswer[] = [];
  isSealed = false;
  /** Where the leader is said to be, and whether this one is a standby that sends there. */
  leader: { readonly address: string; readonly isStandby: boolean } | undefined;

  readonly #now: () => number;
  readonly #namespace: string | undefined;
  readonly #scheme: "http" | "https";
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #mounts = new Map<string, Engine>();
  readonly #tokens = new Map<string, Token>();
  readonly #leases = new Map<string, Lease>();
  readonly #roles: SignInRole[] = [];
  readonly #wrapped = new Map<string, { readonly path: string; readonly data: Record<string, unknown> }>();

  constructor({ now = Date.now, namespace, tls }: VaultServerOptions = {}) {
    this.#now = now;
    this.#namespace = namespace;
    this.#scheme = tls === undefined ? "http" : "https";
    this.#addToken(this.rootToken, "root", NEVER_MS, NEVER_MS, false);
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls },
      (request) => this.#serve(request),
    );
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#server.addr.port}`;
  }

  /** What the server is configured with to sign in by a role's id and secret. */
  mount<Type extends keyof typeof engineTypes>(path: string, engine: ReturnType<(typeof engineTypes)[Type]>) {
    this.#mounts.set(`${path}/`, engine);
    return engine;
  }

  allow(role: SignInRole): void {
    this.#roles.push(role);
  }

  createToken(
    rules: readonly PolicyRule[],
    ttlMs = 3_600_000,
    maxTtlMs = NEVER_MS,
    isRenewable = true,
  ): string {
    const id = `hvs.${crypto.randomUUID().replaceAll("-", "")}`;
    this.#addToken(id, [...DEFAULT_RULES, ...rules], ttlMs, maxTtlMs, isRenewable);
    return id;
  }

  /** The token under which the data is wrapped, as by `-wrap-ttl`. */
  wrap(path: string, data: Record<string, unknown>): string {
    const id = `hvs.wrapped${crypto.randomUUID().replaceAll("-", "")}`;
    this.#wrapped.set(id, { path, data });
    return id;
  }

  /** With all that was leased by it. */
  async revokeToken(id: string): Promise<void> {
    this.#tokens.delete(id);
    for (const lease of this.#leases.values()) if (lease.token === id) await this.#revokeLease(lease.id);
  }

  /** Ids of tokens that are good now, the root's not among them. */
  get tokens(): string[] {
    return [...this.#tokens.values()].filter(({ id, endsMs }) =>
      id !== this.rootToken && endsMs > this.#now()
    )
      .map(({ id }) => id);
  }

  get leases(): string[] {
    return [...this.#leases.keys()];
  }

  async revokeLeases(): Promise<void> {
    for (const id of this.leases) await this.#revokeLease(id);
  }

  /** Ends what is over by now. */
  async expire(): Promise<void> {
    for (const { id, endsMs } of this.#leases.values()) {
      if (endsMs <= this.#now()) await this.#revokeLease(id);
    }
    for (const { id, endsMs } of this.#tokens.values()) if (endsMs <= this.#now()) await this.revokeToken(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.leases) await this.#revokeLease(id);
    await this.#server.shutdown();
  }

  #addToken(id: string, rules: Token["rules"], ttlMs: number, maxTtlMs: number, isRenewable: boolean): void {
    const createdMs = this.#now();
    const maxEndsMs = Math.min(createdMs + maxTtlMs, NEVER_MS);
    const endsMs = Math.min(createdMs + ttlMs, maxEndsMs);
    this.#tokens.set(id, { id, rules, isRenewable, ttlMs, createdMs, maxEndsMs, endsMs });
  }

  async #revokeLease(id: string): Promise<void> {
    const lease = this.#leases.get(id);
    // One that cannot be revoked stays, and is tried again.
    await lease?.revoke();
    this.#leases.delete(id);
  }

  async #serve(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/v1\//, "");
    const text = await request.text();
    this.requests.push(`${request.method} ${decodeURIComponent(path)}`);
    const query = {
      method: request.method,
      path: decodeURIComponent(path),
      search: url.searchParams,
      body: text === "" ? {} : JSON.parse(text),
      headers: request.headers,
    };
    const { status, body, headers } = this.failures.shift() ?? await this.#answerOrFail(query);
    return new Response(body === undefined ? null : JSON.stringify(body), {
      status,
      headers: { "content-type": "application/json", ...headers },
    });
  }

  async #answerOrFail(query: VaultQuery): Promise<VaultAnswer> {
    try {
      await this.expire();
      return await this.#answer(query);
    } catch (error) {
      return refused(500, `1 error occurred:\n\t* ${error instanceof Error ? error.message : error}\n\n`);
    }
  }

  async #answer(query: VaultQuery): Promise<VaultAnswer> {
    const { path, headers } = query;
    if (path === "sys/leader") {
      return { status: 200, body: { ha_enabled: true, leader_address: this.leader?.address ?? "" } };
    }
    if (this.leader?.isStandby === true) {
      return { status: 307, headers: { location: `${this.leader.address}/v1/${path}${searchOf(query)}` } };
    }
    if (this.isSealed) return refused(503, "Vault is sealed");
    if (this.#namespace !== undefined && headers.get("x-vault-namespace") !== this.#namespace) {
      return refused(404, `no handler for route "${path}". route entry not found.`);
    }
    if (/^auth\/.+\/login$/.test(path)) return this.#logIn(query);
    const sent = headers.get("x-vault-token") ?? "";
    if (path.startsWith("sys/wrapping/")) return this.#unwrap(query, sent);
    const token = this.#tokens.get(sent);
    if (token === undefined) {
      return refused(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");
    }
    if (path.startsWith("sys/internal/ui/mounts/")) return this.#showMount(path, token);
    if (!isAllowed(token, query)) return refused(403, "1 error occurred:\n\t* permission denied\n\n");
    return await this.#own(query, token) ?? await this.#ofEngine(query, token);
  }

  #logIn({ method, path, body }: VaultQuery): VaultAnswer {
    if (method !== "POST" && method !== "PUT") {
      return refused(405, "1 error occurred:\n\t* unsupported operation\n\n");
    }
    const mount = path.slice("auth/".length, -"/login".length);
    const roles = this.#roles.filter((role) => (role.mount ?? role.method) === mount);
    if (roles.length === 0) return refused(404, `no handler for route "${path}". route entry not found.`);
    const role = roles.find(({ sent }) =>
      JSON.stringify(Object.entries(sent).sort()) === JSON.stringify(Object.entries(body).sort())
    );
    if (role === undefined) {
      return mount === "approle"
        ? refused(400, "invalid role or secret ID")
        : refused(403, "permission denied");
    }
    const ttlMs = role.ttlMs ?? 3_600_000;
    const id = this.createToken(role.rules, ttlMs, role.maxTtlMs);
    return { status: 200, body: { ...answer({}), data: null, auth: authOf(id, ttlMs, true) } };
  }

  /** A wrapping token is good for these two alone, and for the second once. */
  #unwrap({ path, body }: VaultQuery, sent: string): VaultAnswer {
    const id = typeof body["token"] === "string" ? body["token"] : sent;
    const wrapped = this.#wrapped.get(id);
    if (wrapped === undefined) return refused(400, "wrapping token is not valid or does not exist");
    if (path === "sys/wrapping/lookup") return found({ creation_path: wrapped.path, creation_ttl: 60 });
    this.#wrapped.delete(id);
    return found(wrapped.data);
  }

  #showMount(path: string, token: Token): VaultAnswer {
    const below = path.slice("sys/internal/ui/mounts/".length);
    const mount = this.#mountOf(below);
    const maySee = token.rules === "root" ||
      token.rules.some(({ path }) => mount !== undefined && path.startsWith(mount.path));
    if (mount === undefined || !maySee) {
      return refused(
        403,
        "preflight capability check returned 403, please ensure client's policies grant access to path \"" +
          below + '"',
      );
    }
    return found({ path: mount.path, type: mount.engine.type, options: mount.engine.options });
  }

  #mountOf(path: string): { readonly path: string; readonly engine: Engine } | undefined {
    for (const [mounted, engine] of this.#mounts) {
      if (`${path}/`.startsWith(mounted)) return { path: mounted, engine };
    }
    return undefined;
  }

  async #own({ method, path, body }: VaultQuery, token: Token): Promise<VaultAnswer | undefined> {
    const nowMs = this.#now();
    switch (`${method === "PUT" ? "POST" : method} ${path}`) {
      case "GET auth/token/lookup-self": {
        const ttl = token.endsMs === NEVER_MS ? 0 : Math.ceil((token.endsMs - nowMs) / 1_000);
        return found({ id: token.id, ttl, renewable: token.isRenewable });
      }
      case "POST auth/token/renew-self":
        if (!token.isRenewable) return refused(400, "lease is not renewable");
        token.endsMs = Math.min(nowMs + token.ttlMs, token.maxEndsMs);
        return {
          status: 200,
          body: { ...answer({}), data: null, auth: authOf(token.id, token.endsMs - nowMs, true) },
        };
      case "POST auth/token/revoke-self":
        await this.revokeToken(token.id);
        return { status: 204 };
      case "POST sys/leases/renew": {
        const lease = this.#leases.get(String(body["lease_id"]));
        if (lease === undefined) return refused(400, "lease not found");
        if (!lease.isRenewable) return refused(400, "lease is not renewable");
        lease.endsMs = Math.min(nowMs + lease.ttlMs, lease.maxEndsMs);
        return leased({}, lease, nowMs);
      }
      case "POST sys/leases/revoke":
        if (typeof body["lease_id"] !== "string") return refused(400, '"lease_id" must be specified');
        await this.#revokeLease(body["lease_id"]);
        return { status: 204 };
    }
    return undefined;
  }

  async #ofEngine(query: VaultQuery, token: Token): Promise<VaultAnswer> {
    const mount = this.#mountOf(query.path);
    if (mount === undefined) {
      return refused(404, `no handler for route "${query.path}". route entry not found.`);
    }
    const below = { ...query, path: query.path.slice(mount.path.length) };
    const given = await mount.engine.answer(below);
    if (given === undefined) return notFound();
    if (!("lease" in given)) return given;
    const { data, ttlMs, maxTtlMs, isRenewable, revoke } = given.lease;
    const nowMs = this.#now();
    const id = `${query.path}/${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
    const lease: Lease = {
      id,
      token: token.id,
      isRenewable,
      ttlMs,
      maxEndsMs: nowMs + maxTtlMs,
      endsMs: nowMs + Math.min(ttlMs, maxTtlMs),
      revoke,
    };
    this.#leases.set(id, lease);
    return leased(data, lease, nowMs);
  }
}

const authOf = (id: string, ttlMs: number, renewable: boolean) => ({
  client_token: id,
  lease_duration: Math.floor(ttlMs / 1_000),
  renewable,
  policies: ["default"],
});

const leased = (
  data: Record<string, unknown>,
  { id, isRenewable, endsMs }: Lease,
  nowMs: number,
): VaultAnswer => ({
  status: 200,
  body: {
    ...answer(data),
    lease_id: id,
    renewable: isRenewable,
    lease_duration: Math.floor((endsMs - nowMs) / 1_000),
  },
});

const searchOf = ({ search }: VaultQuery): string => search.size === 0 ? "" : `?${search}`;

function isAllowed({ rules }: Token, { method, path }: VaultQuery): boolean {
  if (rules === "root") return true;
  const wanted = method === "GET" ? ["read"] : ["update", "create"];
  return rules.some((rule) =>
    (rule.path.endsWith("*") ? path.startsWith(rule.path.slice(0, -1)) : path === rule.path) &&
    rule.capabilities.some((capability) => wanted.includes(capability))
  );
}
