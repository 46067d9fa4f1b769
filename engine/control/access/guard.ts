import { type Access, forbidden } from "../../../contract/access/access.ts";
import type {
  ConnectorPermission,
  Permission,
  PipelinePermission,
  ServerPermission,
} from "../../../contract/access/permissions.ts";
import type { PipelineSubject } from "../../../contract/access/scope.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";

/** What belongs where, asked of the control store itself. */
export interface Places {
  /** All pipelines, those that are gone and whose runs are kept too. */
  subjects(): Promise<readonly PipelineSubject[]>;
  /** null for one of the server's; undefined where there is no such problem. */
  pipelineOfProblem(id: string): Promise<string | null | undefined>;
}

/** What was refused to somebody. */
export interface Refusal {
  readonly permission: Permission;
  /** What it was asked for; the server as a whole where it is left out. */
  readonly subject?: { readonly kind: "pipeline" | "connector"; readonly name: string };
  /** It may not even be looked at, and is said not to be there. */
  readonly isHidden: boolean;
}

/** Whether one principal may. What may not be looked at is not there: a refusal would say that it is. */
export class Guard {
  readonly access: Access;
  readonly places: Places;
  readonly #onRefused: (refusal: Refusal) => void;
  #read: Promise<readonly PipelineSubject[]> | undefined;

  constructor(access: Access, places: Places, onRefused: (refusal: Refusal) => void = () => {}) {
    this.access = access;
    this.places = places;
    this.#onRefused = onRefused;
  }

  /** Throws forbidden. */
  require(permission: ServerPermission): void {
    if (!this.access.may(permission)) throw this.refused(permission);
  }

  /** What is thrown at somebody who may not, and told of. */
  refused(permission: Permission, subject?: Refusal["subject"]): AppError {
    this.#onRefused({ permission, isHidden: false, ...(subject === undefined ? {} : { subject }) });
    return forbidden(this.access.principal, permission, subject && `${subject.kind} "${subject.name}"`);
  }

  /** Throws not_found for a pipeline that may not be looked at or is not there, forbidden for another. */
  async requireFor(permission: PipelinePermission, pipeline: string): Promise<void> {
    if (this.#mayAll(permission)) return;
    const subjects = (await this.#subjects()).filter((one) => this.access.mayWith("pipeline:view", one));
    const subject = subjects.find(({ name }) => name === pipeline);
    if (subject === undefined) {
      await this.#hidden(permission, pipeline);
      // Names of the others are not told either.
      const meant = didYouMeanOneOf(pipeline, subjects.map(({ name }) => name));
      throw new AppError("not_found", `There is no pipeline ${quoteName(pipeline)}${meant}`);
    }
    this.#requireWith(permission, subject);
  }

  /** As `requireFor`, for what belongs to a pipeline: `missing` is thrown where that may not be looked at. */
  async requireOf(
    permission: PipelinePermission,
    pipeline: string,
    missing: () => AppError,
  ): Promise<void> {
    if (this.#mayAll(permission)) return;
    const subject = (await this.#subjects()).find(({ name }) => name === pipeline) ??
      { name: pipeline, tags: [] };
    if (!this.access.mayWith("pipeline:view", subject)) {
      await this.#hidden(permission, pipeline);
      throw missing();
    }
    this.#requireWith(permission, subject);
  }

  /** Throws forbidden for a pipeline that is not there yet. */
  requireNew(pipeline: string): void {
    this.#requireWith("pipeline:edit", { name: pipeline, tags: [] });
  }

  /** Throws not_found or forbidden, as `requireFor`. */
  requireUse(permission: ConnectorPermission, connector: string): void {
    if (!this.access.mayUse("connector:view", connector)) {
      throw new AppError("not_found", `There is no connector ${quoteName(connector)}`);
    }
    if (this.access.mayUse(permission, connector)) return;
    throw this.refused(permission, { kind: "connector", name: connector });
  }

  /** The names of the pipelines that it is allowed for; undefined for all. */
  async only(permission: PipelinePermission): Promise<readonly string[] | undefined> {
    if (this.access.mayEverywhere(permission)) return undefined;
    return (await this.#subjects())
      .filter((subject) => this.access.mayWith(permission, subject)).map(({ name }) => name);
  }

  /** The items whose pipelines may be looked at. */
  async visible<T>(items: readonly T[], pipelineOf: (item: T) => string): Promise<T[]> {
    const names = await this.only("pipeline:view");
    if (names === undefined) return [...items];
    const known = new Set(names);
    return items.filter((item) => known.has(pipelineOf(item)));
  }

  /** One request asks several times. */
  #subjects(): Promise<readonly PipelineSubject[]> {
    return this.#read ??= this.places.subjects();
  }

  /** Told of where it is there: to ask for what nobody has is no more than a mistake. */
  async #hidden(permission: PipelinePermission, pipeline: string): Promise<void> {
    if (!(await this.#subjects()).some(({ name }) => name === pipeline)) return;
    this.#onRefused({ permission, subject: { kind: "pipeline", name: pipeline }, isHidden: true });
  }

  #mayAll(permission: PipelinePermission): boolean {
    return this.access.mayEverywhere("pipeline:view") && this.access.mayEverywhere(permission);
  }

  #requireWith(permission: PipelinePermission, subject: PipelineSubject): void {
    if (this.access.mayWith(permission, subject)) return;
    throw this.refused(permission, { kind: "pipeline", name: subject.name });
  }
}
