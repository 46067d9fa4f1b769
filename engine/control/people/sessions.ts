import type { SessionView } from "../../../contract/access/people.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { Directory } from "./directory.ts";
import type { PeopleContext } from "./people_context.ts";
import type { Sessions } from "./port.ts";
import { sessionView } from "./views.ts";

/** Sessions as the control store has them. */
export class LocalSessions implements Sessions {
  readonly #context: PeopleContext;
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async list(userName?: string): Promise<SessionView[]> {
    const user = userName === undefined ? undefined : await this.#directory.user(userName);
    const names = new Map((await this.#context.people.users.list()).map(({ id, name }) => [id, name]));
    const { access, clock, sessionIdleMs = Infinity } = this.#context;
    return (await access.listSessions(clock.now(), user?.id))
      .filter(({ lastSeenAtMs }) => lastSeenAtMs + sessionIdleMs > clock.now())
      .map((session) => sessionView(session, names.get(session.user) ?? session.user));
  }

  async end(id: string): Promise<void> {
    if (await this.#context.access.endSessionById(id)) return;
    throw new AppError("not_found", `There is no session with the id ${quoteName(id)}: it may have ended`);
  }
}
