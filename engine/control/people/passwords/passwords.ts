import type { PasswordPut } from "../../../../contract/access/passwords.ts";
import { AppError } from "../../../../contract/errors.ts";
import { isServersUser } from "../../../../contract/names.ts";
import type { PasswordRecord } from "../../../store/ports/passwords.ts";
import type { UserRecord } from "../../../store/ports/people.ts";
import { Directory } from "../directory.ts";
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

  async set(name: string, { password, must_change: mustChange = true }: PasswordPut): Promise<void> {
    const user = await this.#directory.user(name);
    await this.#put(user, await this.prepare(user, password, mustChange));
  }

  /** Whether it is the one of the user with that id. */
  async isRight(id: string, password: string): Promise<boolean> {
    const kept = await this.#context.passwords.get(id);
    return await this.#context.hasher.verify(kept?.hash, password, "known");
  }

  /** One's own. Ends the user's sessions but for the one of the id `session`. Throws invalid for a weak one. */
  async choose(id: string, password: string, session: string | undefined): Promise<void> {
    const user = await this.#directory.user(id);
    await this.#put(user, await this.prepare(user, password, false), session);
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

  async #put(user: UserRecord, password: PasswordRecord, session?: string): Promise<void> {
    const { access, passwords } = this.#context;
    await passwords.put(user.id, password, session);
    // Those that wait for the store are known here alone.
    await access.endSessionsOf(user.id, session);
  }
}
