import type { PasswordPut, PasswordSet } from "../../../../contract/access/passwords.ts";
import { AppError } from "../../../../contract/errors.ts";
import { isServersUser } from "../../../../contract/names.ts";
import type { Ending, PasswordRecord } from "../../../store/ports/passwords.ts";
import type { UserRecord } from "../../../store/ports/people.ts";
import { Directory } from "../directory.ts";
import { passwordSetLetter } from "../mail/letters.ts";
import { tellByMail } from "../mail/told.ts";
import type { PeopleContext } from "../people_context.ts";
import type { Passwords } from "../port.ts";
import { createStrengthCheck, type StrengthCheck } from "./strength.ts";

/** Passwords as the control store has them. */
export class LocalPasswords implements Passwords {
  readonly #context: PeopleContext;
  readonly #directory: Directory;
  readonly #requireStrong: StrengthCheck = createStrengthCheck();

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async set(
    name: string,
    { password, must_change: mustChange = true, end_tokens: endsTokens = true }: PasswordPut,
    by: string,
  ): Promise<PasswordSet> {
    const user = await this.#directory.user(name);
    const tokensEnded = await this.#put(user, await this.prepare(user, password, mustChange), { endsTokens });
    const letter = passwordSetLetter(user, { by, atMs: this.#context.clock.now(), tokensEnded });
    return { tokens_ended: tokensEnded, ...await tellByMail(this.#context, user, letter) };
  }

  /** Whether it is the one of the user with that id. */
  async isRight(id: string, password: string): Promise<boolean> {
    const kept = await this.#context.passwords.get(id);
    return await this.#context.hasher.verify(kept?.hash, password, "known");
  }

  /**
   * One's own. Ends the user's sessions but for the one that is to be kept. Returns how many tokens have ended. Throws
   * invalid for a weak one.
   */
  async choose(id: string, password: string, ending: Ending): Promise<number> {
    const user = await this.#directory.user(id);
    return await this.#put(user, await this.prepare(user, password, false), ending);
  }

  /** What is to be stored. Throws invalid for a weak one, and conflict where the user cannot have any. */
  async prepare(
    user: Pick<UserRecord, "name" | "kind" | "email" | "displayName">,
    password: string,
    mustChange: boolean,
  ): Promise<PasswordRecord> {
    if (user.kind === "service" || isServersUser(user.name)) {
      throw new AppError("conflict", `"${user.name}" is a service: it has tokens alone, and no password`);
    }
    await this.#requireStrong(password, user);
    const { hasher, clock } = this.#context;
    return { hash: await hasher.hash(password), mustChange, changedAtMs: clock.now() };
  }

  async #put(user: UserRecord, password: PasswordRecord, ending: Ending): Promise<number> {
    const { access, passwords } = this.#context;
    const tokensEnded = await passwords.put(user.id, password, ending);
    // Those that wait for the store are known here alone.
    await access.endSessionsOf(user.id, ending.keptSession);
    return tokensEnded;
  }
}
