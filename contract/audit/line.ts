import { createHash } from "node:crypto";
import * as v from "valibot";
import { described } from "../described.ts";
import {
  AUDIT_ACTIONS,
  AUDIT_OUTCOMES,
  type AuditAction,
  type AuditEntry,
  type AuditValue,
} from "./entry.ts";

/** A line of the audit log, as the API, exports and streams show it, and the chain that its hash is a link of. */

const json = v.custom<AuditValue>((value) => value !== undefined, "expected a value of JSON");

export const auditLineSchema = v.object({
  seq: described(v.pipe(v.number(), v.integer()), "Its place; the first line has 1, and none is left out."),
  at: described(v.pipe(v.string(), v.isoTimestamp()), "When it happened."),
  action: described(v.picklist(auditActions()), "What happened, as `run.start`."),
  actor: described(
    v.object({
      id: described(v.nullable(v.string()), "The user's id; null for the server and for who is not known."),
      name: described(
        v.string(),
        "As it is called; sluice for the server itself, local:ann for a command without one.",
      ),
      kind: described(v.picklist(["person", "service", "server", "unknown"]), "What it is."),
      address: described(v.nullable(v.string()), "Where the request came from."),
      token_id: described(v.nullable(v.string()), "The token that it came with, by id."),
      session_id: described(v.nullable(v.string()), "The session that it came with, by id."),
    }),
    "Who did it.",
  ),
  target: described(
    v.nullable(v.object({
      kind: described(v.string(), "Its kind, as pipeline or user."),
      name: described(v.string(), "Its name or id."),
    })),
    "What it was done to.",
  ),
  pipeline: described(v.nullable(v.string()), "The pipeline that it belongs to."),
  outcome: described(
    v.picklist(AUDIT_OUTCOMES),
    "done; refused: it was not allowed; failed; unknown: the process ended before that was known.",
  ),
  change: described(
    v.nullable(v.object({
      before: described(json, "What was; null where it is new."),
      after: described(json, "What is; null where it is gone."),
    })),
    "Of a change: what was, and what is.",
  ),
  details: described(v.nullable(v.record(v.string(), json)), "What else is known of it."),
  previous: described(v.string(), "The hash of the line before it; 64 zeros for the first."),
  hash: described(v.string(), "SHA-256, in hex, of the line without this, as canonical JSON (RFC 8785)."),
});
export type AuditLine = v.InferOutput<typeof auditLineSchema>;

/** What stands before the first line. */
export const FIRST_PREVIOUS = "0".repeat(64);

/** All actions, in the order of the manual's table. */
export function auditActions(): readonly AuditAction[] {
  const isAction = (text: string): text is AuditAction => Object.hasOwn(AUDIT_ACTIONS, text);
  return Object.keys(AUDIT_ACTIONS).filter(isAction);
}

/** What a line is before it has its place. */
export interface AuditFacts {
  readonly entry: AuditEntry;
  readonly atMs: number;
}

/** The line at this place of the chain. */
export function chainLine({ entry, atMs }: AuditFacts, seq: number, previous: string): AuditLine {
  const { action, actor, target, pipeline = null, outcome = "done", change, details } = entry;
  const line = {
    seq,
    at: new Date(atMs).toISOString(),
    action,
    actor: {
      id: actor.id,
      name: actor.name,
      kind: actor.kind,
      address: actor.address ?? null,
      token_id: actor.tokenId ?? null,
      session_id: actor.sessionId ?? null,
    },
    target: target === undefined ? null : { kind: target.kind, name: target.name },
    pipeline,
    outcome,
    change: change === undefined ? null : { before: change.before, after: change.after },
    details: details === undefined || Object.keys(details).length === 0 ? null : { ...details },
    previous,
  };
  return { ...line, hash: hashOf(line) };
}

/** Hex of SHA-256 over all of the line but its own hash. */
export function hashOf(line: Omit<AuditLine, "hash">): string {
  const { seq, at, action, actor, target, pipeline, outcome, change, details, previous } = line;
  const text = canonicalJson({
    seq,
    at,
    action,
    actor,
    target,
    pipeline,
    outcome,
    change,
    details,
    previous,
  });
  return createHash("sha256").update(text).digest("hex");
}

/** JSON with the keys of objects in the order of their code units and without spaces (RFC 8785). */
export function canonicalJson(value: AuditValue): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1);
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(",")}}`;
}

const isList = (value: object): value is readonly AuditValue[] => Array.isArray(value);
