import type { NewTokenRequest, TokenRotationRequest, TokenView } from "../../../contract/access/people.ts";
import { AppError } from "../../../contract/errors.ts";
import { isServersUser, quoteName, requireName } from "../../../contract/names.ts";
import { Directory } from "./directory.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { TokenRecord } from "../../store/ports/access.ts";
import type { PeopleContext } from "./people_context.ts";
import type { Tokens } from "./port.ts";
import { hashToken, newTokenText } from "./token_text.ts";
import { tokenView } from "./views.ts";

/** Tokens as the control store has them. */
export class LocalTokens implements Tokens {
  readonly #context: PeopleContext;
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async list(userName?: string): Promise<TokenView[]> {
    const user = userName === undefined ? undefined : await this.#directory.user(userName);
    const held = await this.#context.people.grants.list();
    return (await this.#context.access.listTokens(user?.id)).map((token) => tokenView(token, held));
  }

  /** With `parent` it is made with another token: it ends with that, and at `untilMs` at the latest. */
  async create(
    request: NewTokenRequest,
    by: string,
    { parent, untilMs = null }: { readonly parent?: string | undefined; readonly untilMs?: number | null } =
      {},
  ): Promise<TokenView & { readonly token: string }> {
    const { name, user: userName, role, expires_in: expiresIn, scopes = {} } = request;
    requireName("token", name);
    if (userName !== undefined && role !== undefined) {
      throw new AppError(
        "invalid",
        `The token "${name}" is to be ${userName}'s and to have a role: a user has roles by grants, leave one out`,
      );
    }
    const lifeMs = expiresIn === undefined ? undefined : lifeOf(expiresIn);
    const text = newTokenText();
    const id = crypto.randomUUID();
    const createdAtMs = this.#context.clock.now();
    const token = {
      id,
      name,
      scopes,
      hash: await hashToken(text),
      createdAtMs,
      createdBy: by,
      expiresAtMs: earlier(lifeMs === undefined ? null : createdAtMs + lifeMs, untilMs),
      parent,
    };
    const { access } = this.#context;
    if (userName === undefined) {
      requireNoGroupsName(name);
      await access.createService({ ...token, role: await this.#directory.role(role ?? "viewer") });
    } else await access.createToken({ ...token, user: (await this.#directory.user(userName)).id });
    return { ...await this.#tokenView(id), token: text };
  }

  async rotate(
    id: string,
    { overlap }: TokenRotationRequest,
  ): Promise<TokenView & { readonly token: string }> {
    const former = (await this.#context.access.listTokens()).find((token) => token.id === id);
    if (former === undefined) throw noToken(id);
    if (isServersUser(former.userName)) {
      throw new AppError(
        "conflict",
        `"${former.userName}" is the server's own: it is set where the server starts`,
      );
    }
    const text = newTokenText();
    const atMs = this.#context.clock.now();
    const { createdAtMs, rotatedAtMs, expiresAtMs } = former;
    const rotation = {
      hash: await hashToken(text),
      atMs,
      expiresAtMs: expiresAtMs === null ? null : atMs + expiresAtMs - (rotatedAtMs ?? createdAtMs),
      formerUntilMs: atMs + (overlap === undefined ? 0 : overlapOf(overlap)),
    };
    if (!await this.#context.access.rotateToken(id, rotation)) throw noToken(id);
    return { ...await this.#tokenView(id), token: text };
  }

  async revoke(id: string): Promise<void> {
    if (await this.#context.access.revokeToken(id)) return;
    throw noToken(id);
  }

  async #tokenView(id: string): Promise<TokenView> {
    const found = (await this.#context.access.listTokens()).find((token: TokenRecord) => token.id === id);
    if (found === undefined) throw new AppError("conflict", "The token was revoked meanwhile");
    return tokenView(found, await this.#context.people.grants.list());
  }
}

/** A user who is called as a group is named, with @ in front, would own what names that as its owner. */
function requireNoGroupsName(name: string): void {
  if (!name.startsWith("@")) return;
  throw new AppError(
    "invalid",
    `${quoteName(name)} cannot be the name of a service: @ in front says a group; leave it out`,
    { reason: "invalid_name" },
  );
}

/** null is never. */
const earlier = (a: number | null, b: number | null) => a === null ? b : b === null ? a : Math.min(a, b);

const noToken = (id: string) => new AppError("not_found", `There is no token with the id ${quoteName(id)}`);

const MAX_OVERLAP_MS = 7 * 86_400_000;

function overlapOf(text: string): number {
  const ms = text === "0" ? 0 : /^\d+[smhd]$/.test(text) ? durationMs(text) : -1;
  if (ms >= 0 && ms <= MAX_OVERLAP_MS) return ms;
  throw new AppError(
    "invalid",
    `The former text cannot be good for ${quoteName(text)} more: expected a duration up to 7d, as 1h`,
  );
}

const MAX_LIFE_DAYS = 3_650;

function lifeOf(text: string): number {
  const ms = /^\d+[smhd]$/.test(text) ? durationMs(text) : 0;
  if (ms > 0 && ms <= MAX_LIFE_DAYS * 86_400_000) return ms;
  const expected = `a duration up to ${MAX_LIFE_DAYS}d, as 90d or 12h`;
  throw new AppError("invalid", `The token cannot expire in ${quoteName(text)}: expected ${expected}`);
}
