import { parseConnector } from "../../connectors/parse.ts";
import type { Connector } from "../../contract/connector/connector.ts";
import { AppError, toErrorRecord } from "../../contract/errors.ts";
import type { Answer, Question } from "../../contract/jobs/questions.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { WayOut } from "./egress/way_out.ts";
import type { ProcessTokens } from "./tokens/process_tokens.ts";
import type { Redactor } from "./redact.ts";
import { referencesIn, visitTexts } from "../secrets/references.ts";
import { reader, type ReferenceSources, resolveConnector } from "../secrets/resolve.ts";
import { PLACEHOLDER } from "../secrets/secret_store.ts";
import { beginUse, type SecretKeeping, type SecretUse, type SecretUser } from "../secrets/uses.ts";

/** What a process may ask its server for. Disposing of it ends what it was given. */
export interface Answers extends Disposable {
  /** As it is at that moment: a secret that was changed is seen by the next connection. Never throws: what is wrong is the answer. */
  answer(question: Question): Promise<Answer>;
  /** What is known of the secrets of its connectors is asked for anew by the next one: they may have been changed. */
  forgetSecrets(): void;
}

export interface AnswerContext {
  readonly connectors: readonly Connector[];
  readonly references: ReferenceSources;
  /** Without it nothing is written down, and no credentials are made for the process. */
  readonly secretKeeping?: SecretKeeping | undefined;
  readonly user: SecretUser;
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
  const use = beginUse(context.references, context.secretKeeping, context.user);
  const answer = async (question: Question): Promise<Answer> => {
    const { id } = question;
    try {
      switch (question.type) {
        case "config":
          return { type: "config", id, ...await configOf(context, use, question) };
        case "secret":
          return { type: "secret", id, value: await secretOf(context, use, question.name) };
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
    forgetSecrets: () => use.forget(context.definitions),
    [Symbol.dispose]() {
      use[Symbol.dispose]();
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
  { connectors, definitions, redactor }: AnswerContext,
  use: SecretUse,
  { connector: name, isAfresh = false }: Extract<Question, { type: "config" }>,
): Promise<{ readonly config: Readonly<Record<string, unknown>>; readonly goodForMs?: number }> {
  const definition = requireOwn({ definitions }, name);
  const { config: values, secrets, references } = await resolveConnector(name, definition, use.sources, {
    mayLease: true,
    isAfresh,
  });
  if (secrets.includes(PLACEHOLDER)) {
    throw new AppError("unavailable", `Credentials for connector "${name}" cannot be leased here`);
  }
  redactor.learn(secrets);
  const { connector, config } = parseConnector(connectors, name, { type: definition.type, config: values });
  redactor.learn(connector.secrets(config));
  await use.record(references, { kind: "connector", name });
  const goodForMs = use.goodForMs(references);
  return { config: values, ...(goodForMs === undefined ? {} : { goodForMs }) };
}

/** Throws `forbidden` for a connector of another pipeline. */
function requireOwn({ definitions }: Pick<AnswerContext, "definitions">, name: string): ConnectorDefinition {
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition !== undefined) return definition;
  throw new AppError("forbidden", `Connector "${name}" is none of this pipeline's`);
}

async function secretOf(
  { definitions, secrets, redactor }: AnswerContext,
  use: SecretUse,
  name: string,
): Promise<string> {
  const holder = holderOf(definitions, name);
  if (!secrets.has(name) && holder === undefined) {
    throw new AppError("forbidden", `No connector of this pipeline refers to the secret "${name}"`);
  }
  const reference = { kind: "secret", name } as const;
  const value = await reader(use.sources, {})(reference);
  if (value === undefined) throw new AppError("invalid", `There is no secret "${name}"`);
  redactor.learn([value]);
  // What a stream asks for by name belongs to no entry.
  await use.record([reference], { kind: "connector", name: holder ?? "script" });
  return value;
}

/** The connector whose entry refers to the secret. */
function holderOf(
  definitions: Readonly<Record<string, ConnectorDefinition>>,
  secret: string,
): string | undefined {
  return Object.entries(definitions).find(([, definition]) => {
    let found = false;
    visitTexts(definition, (text) => {
      found ||= referencesIn(text).some(({ kind, name }) => kind === "secret" && name === secret);
    });
    return found;
  })?.[0];
}
