import type { PrincipalKind } from "../access/principal.ts";

/**
 * What the audit log tells of: each action, in words that stand after a name. It is the one list: a part of the program
 * that does something new names it here, and the manual's table is compared with it.
 */
export const AUDIT_ACTIONS = {
  "sign_in": "signed in",
  "sign_in.failed": "failed to sign in",
  "sign_out": "signed out",
  "session.end": "ended a session",
  "token.create": "made a token",
  "token.revoke": "revoked a token",
  "token.rotate": "gave a token another text",
  "token.issue": "got a token for a short time",
  "token.refused": "sent a token that is not known",
  "access.refused": "asked for what is not granted",
  "user.create": "made a user",
  "user.change": "changed a user",
  "user.remove": "removed a user",
  "user.link": "linked a user to an identity provider",
  "user.unlink": "removed a user's link to an identity provider",
  "user.invite": "invited a user",
  "password.change": "changed a password",
  "password.reset": "asked for another password",
  "factor.add": "added a second factor",
  "factor.remove": "removed a second factor",
  "factor.codes": "made new recovery codes",
  "group.create": "made a group",
  "group.remove": "removed a group",
  "group.add": "put a user into a group",
  "group.drop": "took a user out of a group",
  "role.put": "made or changed a role",
  "role.remove": "removed a role",
  "grant.add": "granted a role",
  "grant.remove": "took a role back",
  "pipeline.put": "changed a pipeline",
  "pipeline.remove": "deleted a pipeline",
  "pipeline.pause": "paused a pipeline",
  "pipeline.resume": "resumed a pipeline",
  "pipeline.roll_back": "put an earlier revision of a pipeline in force",
  "project.apply": "applied the project",
  "environment.apply": "applied the project in an environment",
  "environment.create": "copied warehouses to an environment",
  "environment.promote": "promoted an environment",
  "environment.remove": "removed pipelines of an environment",
  "run.start": "started a run",
  "run.cancel": "cancelled a run",
  "run.retry": "retried a run",
  "run.annotate": "changed a run's tags or note",
  "run.end": "ended a run",
  "backfill.start": "started a backfill",
  "backfill.cancel": "cancelled a backfill",
  "backfill.retry": "retried a backfill",
  "rejects.replay": "replayed rejects",
  "rejects.drop": "dropped rejects",
  "load.verify": "verified loads",
  "webhook.drop": "dropped posts of a webhook",
  "problem.change": "acknowledged or muted a problem",
  "notifier.test": "tested a notifier",
  "connector.test": "tested a connector",
  "connector.discover": "listed a connector's streams",
  "data.view": "looked at rows",
  "secret.put": "set a secret",
  "secret.remove": "deleted a secret",
  "secret.use": "used a secret",
  "warehouse.encrypt": "encrypted a warehouse",
  "warehouse.decrypt": "made a warehouse plain",
  "key.rotate": "rotated the key",
  "server.start": "started the server",
  "server.stop": "stopped the server",
  "server.drain": "drained the server",
  "server.undrain": "ended a drain",
  "backup.write": "wrote a backup",
  "backup.restore": "restored a backup",
  "audit.view": "looked at the audit log",
  "audit.export": "exported the audit log",
  "audit.prune": "removed old lines of the audit log",
  "audit.drop": "could not keep lines of the audit log",
} as const;
export type AuditAction = keyof typeof AUDIT_ACTIONS;

/** Who did it. */
export interface AuditActor {
  /** The user's id; null for whoever is not known to be one, and for the server itself. */
  readonly id: string | null;
  /** As the user is called, or as somebody who failed to sign in called themselves; `sluice` for the server itself, `local:ann` for a command without one. */
  readonly name: string;
  readonly kind: PrincipalKind | "server" | "unknown";
  /** Where the request came from. */
  readonly address?: string | undefined;
  /** The token or the session that it came with: its id, never its text. */
  readonly tokenId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** What something was done to, as `{kind: "pipeline", name: "orders"}`. */
export interface AuditTarget {
  readonly kind:
    | "user"
    | "group"
    | "role"
    | "grant"
    | "token"
    | "session"
    | "pipeline"
    | "run"
    | "backfill"
    | "connector"
    | "problem"
    | "notifier"
    | "webhook"
    | "table"
    | "secret"
    | "key"
    | "project"
    | "environment"
    | "server"
    | "backup"
    | "audit";
  readonly name: string;
}

/** A value as JSON has it: no secret, and no value of a row. */
export type AuditValue =
  | string
  | number
  | boolean
  | null
  | readonly AuditValue[]
  | { readonly [key: string]: AuditValue };

/** What happened, before it has its place in the log. */
export interface AuditEntry {
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly target?: AuditTarget | undefined;
  /** What it belongs to: the one by whose grants a line may be looked at. */
  readonly pipeline?: string | undefined;
  /** `done` by default. */
  readonly outcome?: AuditOutcome | undefined;
  /** Of a change: what was, and what is; each as the API shows it. */
  readonly change?: { readonly before: AuditValue; readonly after: AuditValue } | undefined;
  /** What else is worth knowing, as the run, the method, the reason; never a secret. */
  readonly details?: Readonly<Record<string, AuditValue>> | undefined;
}

/** unknown: the process that did it ended before it was known. */
export const AUDIT_OUTCOMES = ["done", "refused", "failed", "unknown"] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** Takes what is to be kept. */
export interface AuditTrail {
  /**
   * Of what changes something: returns when the line is on the disk, and throws `unavailable` where the store cannot be
   * written. What lets somebody in or refuses it waits likewise, but goes on where the store cannot be written: the line
   * is held in memory until it can. What only looks waits for nothing.
   */
  record(entry: AuditEntry): Promise<void>;
  /**
   * Writes down what is about to be done, does it, and writes the line: a process that is killed meanwhile leaves a line
   * that says so. Throws what `act` throws, or `unavailable`, before anything is done, where the store cannot be
   * written and the action must not be without a line. `told` adds to the line what is known when it is done.
   */
  around<T>(
    entry: AuditEntry,
    act: () => Promise<T>,
    told?: (result: T) => AuditResult | Promise<AuditResult>,
  ): Promise<T>;
}

/** What an entry says when what it tells of is over. */
export type AuditResult = Partial<Pick<AuditEntry, "target" | "pipeline" | "change" | "details">>;

/** Keeps nothing: for tests and for commands that change nothing. */
export const NO_AUDIT: AuditTrail = {
  record: () => Promise.resolve(),
  around: (_entry, act) => act(),
};
