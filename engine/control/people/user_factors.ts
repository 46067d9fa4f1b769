import type { FactorsReset, UserFactorsView } from "../../../contract/access/factors.ts";
import { Directory } from "./directory.ts";
import { factorsResetLetter } from "./mail/letters.ts";
import { tellByMail } from "./mail/told.ts";
import type { PeopleContext } from "./people_context.ts";
import type { UserFactors } from "./port.ts";

/** Second factors of others as the control store has them: which kinds, and away with them. */
export class LocalUserFactors implements UserFactors {
  readonly #context: PeopleContext;
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async get(name: string): Promise<UserFactorsView> {
    const { id } = await this.#directory.user(name);
    return { kinds: [...(await this.#context.factors.kinds(id)).get(id) ?? []] };
  }

  async reset(name: string, by: string): Promise<FactorsReset> {
    const { factors, signIns, access, clock } = this.#context;
    const user = await this.#directory.user(name);
    const { id } = user;
    const gone = await factors.removeAll(id);
    // Whoever has what was lost may have signed in with it.
    await signIns.closeHalvesOf(id);
    await access.endSessionsOf(id);
    if (gone.length === 0) return { kinds: [], mailed: false, problem: null };
    const letter = factorsResetLetter(user, { by, atMs: clock.now(), kinds: gone });
    return { kinds: [...gone], ...await tellByMail(this.#context, user, letter) };
  }
}
