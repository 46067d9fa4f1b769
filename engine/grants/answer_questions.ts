import { parseConnector } from "../../connectors/parse.ts";
import type { Connector } from "../../contract/connector/connector.ts";
import { AppError, toErrorRecord } from "../../contract/errors.ts";
import type { Answer, Question } from "../../contract/job.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { WayOut } from "./egress/way_out.ts";
import type { ProcessTokens } from "./tokens/process_tokens.ts";
import type { Redactor } from "./redact.ts";
import { parseReferences, type ReferenceSources, resolveConnector, visitTexts } from "./references.ts";

/** What a process may ask its server for. Disposing of it ends what it was given. */
export interface Answers extends Disposable {
  /** As it is at that moment: a secret that was changed is seen by the next connection. Never throws: what is wrong is the answer. */
  answer(question: Question): Promise<Answer>;
}

export interface AnswerContext {
  readonly connectors: readonly Connector[];
  readonly references: ReferenceSources;
  /** Of the job's own pipeline: it gets no other's. References not resolved. */
  readonly definitions: Readonly<Record<string, ConnectorDefinition>>;
  /** Those that uses ask for by name. */
  readonly secrets: ReadonlySet<string>;
  /** Learns each secret before it is handed out. */
  readonly redactor: Redactor;
  readonly wayOut: WayOut;
  readonly tokens: ProcessTokens;
}

export function createAnswers(context: AnswerContext): Answers {
  const { wayOut, tokens } = context;
  const answer = async (question: Question): Promise<Answer> => {
    const { id } = question;
    try {
      switch (question.type) {
        case "config":
          return { type: "config", id, config: await configOf(context, question.connector) };
        case "secret":
          return { type: "secret", id, value: await secretOf(context, question.name) };
        case "way_out":
          return { type: "way_out", id, ...await wayOut.to(question.host) };
        case "turn":
          return { type: "turn", id, freeMs: await wayOut.turn(question.host, question.limit ?? undefined) };
        case "hold":
          wayOut.hold(question.host, question.waitMs);
          return { type: "done", id };
        case "posted":
          throw new AppError("forbidden", "Bodies of webhooks are read by runs of their pipeline only");
        case "memory":
          return { type: "memory", id, bytes: await residentBytes(question.pid) };
        case "token":
          requireOwn(context, question.connector);
          return await tokens.claim(id, question.request);
        case "renewed":
          await tokens.settle(question.claim, question.renewed);
          return { type: "done", id };
      }
    } catch (error) {
      const { message, ...record } = toErrorRecord(error);
      return { type: "refused", id, error: { ...record, message: context.redactor.redact(message) } };
    }
  };
  return {
    answer,
    [Symbol.dispose]() {
      wayOut[Symbol.dispose]();
      tokens[Symbol.dispose]();
    },
  };
}

/** What Linux says that a process has in memory; null elsewhere, and where it is gone. A run's process may not look there. */
async function residentBytes(pid: number): Promise<number | null> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

async function configOf(
  { connectors, references, definitions, redactor }: AnswerContext,
  name: string,
): Promise<Readonly<Record<string, unknown>>> {
  const definition = requireOwn({ definitions }, name);
  const { config: values, secrets } = await resolveConnector(name, definition, references);
  redactor.learn(secrets);
  const { connector, config } = parseConnector(connectors, name, { type: definition.type, config: values });
  redactor.learn(connector.secrets(config));
  return values;
}

/** Throws `forbidden` for a connector of another pipeline. */
function requireOwn({ definitions }: Pick<AnswerContext, "definitions">, name: string): ConnectorDefinition {
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition !== undefined) return definition;
  throw new AppError("forbidden", `Connector "${name}" is none of this pipeline's`);
}

async function secretOf(
  { references, definitions, secrets, redactor }: AnswerContext,
  name: string,
): Promise<string> {
  if (!secrets.has(name) && !secretNames(definitions).has(name)) {
    throw new AppError("forbidden", `No connector of this pipeline refers to the secret "${name}"`);
  }
  const value = await references.secrets.get(name);
  if (value === undefined) throw new AppError("invalid", `There is no secret "${name}"`);
  redactor.learn([value]);
  return value;
}

/** The secrets that the definitions refer to. */
function secretNames(definitions: Readonly<Record<string, ConnectorDefinition>>): Set<string> {
  const names = new Set<string>();
  visitTexts(definitions, (text) => {
    for (const part of parseReferences(text)) {
      if ("reference" in part && part.reference.kind === "secret") names.add(part.reference.name);
    }
  });
  return names;
}
