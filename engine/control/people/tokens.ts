import type { NewTokenRequest, TokenView } from "../../../contract/access/people.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName, requireName } from "../../../contract/names.ts";
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

  async create(request: NewTokenRequest, by: string): Promise<TokenView & { readonly token: string }> {
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
      expiresAtMs: lifeMs === undefined ? null : createdAtMs + lifeMs,
    };
    const { access } = this.#context;
    if (userName === undefined) {
      await access.createService({ ...token, role: await this.#directory.role(role ?? "viewer") });
    } else await access.createToken({ ...token, user: (await this.#directory.user(userName)).id });
    return { ...await this.#tokenView(id), token: text };
  }

  async revoke(id: string): Promise<void> {
    if (await this.#context.access.revokeToken(id)) return;
    throw new AppError("not_found", `There is no token with the id ${quoteName(id)}`);
  }

  async #tokenView(id: string): Promise<TokenView> {
    const found = (await this.#context.access.listTokens()).find((token: TokenRecord) => token.id === id);
    if (found === undefined) throw new AppError("conflict", "The token was revoked meanwhile");
    return tokenView(found, await this.#context.people.grants.list());
  }
}

const MAX_LIFE_DAYS = 3_650;

function lifeOf(text: string): number {
  const ms = /^\d+[smhd]$/.test(text) ? durationMs(text) : 0;
  if (ms > 0 && ms <= MAX_LIFE_DAYS * 86_400_000) return ms;
  const expected = `a duration up to ${MAX_LIFE_DAYS}d, as 90d or 12h`;
  throw new AppError("invalid", `The token cannot expire in ${quoteName(text)}: expected ${expected}`);
}
