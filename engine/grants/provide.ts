import * as v from "valibot";
import { parseConnector, parseStream, parseTarget } from "../../connectors/parse.ts";
import type { Connector, ConnectorUse } from "../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { SCRIPT_CONNECTOR } from "../../contract/pipeline/scripts.ts";
import { type Asks, collectAsks, type PathAsk, type ScriptAsk } from "./asks.ts";
import { createFence, type Fence, type FenceOptions } from "./fence.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import { createGrant, type Grant, type Refusal } from "./grant.ts";
import type { SecretKeeping, SecretUser } from "../secrets/uses.ts";
import { type Answers, createAnswers } from "./answer_questions.ts";
import type { Egress } from "./egress/egress.ts";
import { WayOut } from "./egress/way_out.ts";
import { ProcessTokens } from "./tokens/process_tokens.ts";
import { writtenSecrets } from "../secrets/written_secrets.ts";
import { Redactor } from "./redact.ts";
import {
  missingReferences,
  missingSecret,
  type ReferenceSources,
  resolveConnector,
} from "../secrets/resolve.ts";

/** What decides about every process of one server or command. */
export interface GrantContext extends FenceOptions {
  readonly connectors: readonly Connector[];
  readonly references: ReferenceSources;
  /** What keeps count of secrets that processes get; without it no credentials are made for them. */
  readonly secretKeeping?: SecretKeeping | undefined;
  /** The way to guarded hosts. */
  readonly egress: Egress;
}

/** What a process needs to be handed and allowed for a pipeline. */
export interface Provision {
  /** Those that it names, references not resolved: the process asks for their configs. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** Answers what the process asks for. */
  readonly answers: Answers;
  /** Not to be used where there are refusals. */
  readonly grant: Grant;
  /** What the policy refuses; empty for a run, which throws the first. */
  readonly refusals: readonly Refusal[];
  /** What keeps a check from asking connectors; empty for a run, which throws the first. */
  readonly failures: readonly ConnectorFailure[];
  /** Connectors that ask for a network. */
  readonly networked: ReadonlySet<string>;
  /** Knows every secret that the process may say, those that are handed out later too. */
  readonly redactor: Redactor;
  readonly hasSecrets: boolean;
}

/** A connector, or one use of it, that cannot be asked. */
export interface ConnectorFailure {
  readonly connector: string;
  readonly message: string;
  /** Where connectors.yaml says it, or where the pipeline does. */
  readonly place: { readonly connectors: DocumentPath } | { readonly pipeline: DocumentPath };
  /** Whether a reference has no value. */
  readonly isMissing: boolean;
}

export interface ProvisionSubject {
  readonly definition: PipelineDefinition;
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** Whether rows are moved; a check only asks what the sources look like. */
  readonly purpose: "run" | "check";
  /** Whose secrets they are, for the audit log. */
  readonly pipeline?: string;
  readonly run?: Pick<SecretUser, "run" | "triggeredBy">;
}

/**
 * Resolves the connectors that the pipeline names and decides what its process may do. Throws
 * `invalid` for a reference without a value or a config that does not fit, `forbidden` for what the
 * operator's policy or a reserved path refuses.
 */
export async function provide(
  context: GrantContext,
  { definition, connectors, purpose, pipeline, run = {} }: ProvisionSubject,
  knownFence?: Fence,
): Promise<Provision> {
  const definitions: Record<string, ConnectorDefinition> = {};
  const redactor = new Redactor();
  let hasSecrets = false;
  try {
    const fence = knownFence ?? await createFence(context);
    const asks: Asks[] = [];
    const secrets = new Set<string>();
    const failures: ConnectorFailure[] = [];
    const trying = async (connector: string, place: ConnectorFailure["place"], work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        if (purpose === "run") throw error;
        const { message } = withoutSecrets(error, redactor);
        failures.push({ connector, message, place, isMissing: false });
      }
    };
    for (const [name, uses] of usesOf(definition)) {
      const entry = connectors[name];
      if (entry === undefined) continue;
      const missing = purpose === "check" ? await missingReferences(name, entry, context.references) : [];
      for (const { path, message } of missing) {
        failures.push({ connector: name, message, place: { connectors: [name, ...path] }, isMissing: true });
      }
      if (missing.length > 0) continue;
      await trying(name, { connectors: [name] }, async () => {
        const { config: values, secrets: found } = await resolveConnector(name, entry, context.references);
        redactor.learn([...found, ...writtenSecrets(entry).map(({ value }) => value)]);
        definitions[name] = entry;
        const resolved = { type: entry.type, config: values };
        const { connector, config } = parseConnector(context.connectors, name, resolved);
        const known = connector.secrets(config);
        redactor.learn(known);
        hasSecrets ||= found.length + known.length > 0;
        for (const { asker, place, use } of uses) {
          await trying(name, { pipeline: place }, async () => {
            const access = connector.access(config, use(connector), { name, projectDir: context.projectDir });
            asks.push(await collectAsks(fence, { connector: name, use: asker, place }, access));
            for (const secret of access.secrets ?? []) {
              await requireSecret(context.references, secret, asker);
              secrets.add(secret);
              hasSecrets = true;
            }
          });
        }
      });
    }
    const functions = Object.entries(definition.functions ?? {}).map(([name, declared]): ScriptAsk => ({
      connector: SCRIPT_CONNECTOR,
      use: `function "${name}"`,
      place: ["functions", name],
      isInCheck: false,
      limits: { memory: declared.memory, timeout: declared.timeout, cpu: declared.cpu, hosts: [] },
    }));
    // All of it is decided, so that a check reports what a run would be refused.
    const all = {
      hosts: asks.flatMap(({ hosts }) => hosts),
      paths: asks.flatMap(({ paths }) => paths),
      tables: asks.flatMap(({ tables }) => tables),
      commands: asks.flatMap(({ commands = [] }) => commands),
      scripts: [...asks.flatMap(({ scripts = [] }) => scripts), ...functions],
      python: asks.flatMap(({ python = [] }) => python),
      environment: asks.flatMap(({ environment = [] }) => environment),
      plain: asks.flatMap(({ plain = [] }) => plain),
    };
    const { grant, refusals: refusedAsks } = createGrant(fence, all, definition.resources.memory);
    const refusals = [...refusedAsks, ...refusedSql(fence, definition)];
    const [first] = refusals;
    if (first !== undefined && purpose === "run") {
      throw new AppError("forbidden", first.message, { reason: "policy" });
    }
    const { connectors: types, references } = context;
    const asked = purpose === "run" ? all : onlyRead(all);
    return {
      connectors: definitions,
      answers: createAnswers({
        connectors: types,
        references,
        secretKeeping: context.secretKeeping,
        user: { kind: purpose, pipeline, ...run },
        definitions,
        secrets,
        redactor,
        wayOut: new WayOut(context.egress, fence.policy, guardedHosts(asked)),
        tokens: new ProcessTokens(context.egress.tokens, context.dataDir, redactor),
      }),
      grant: await withProxy(
        context,
        asked,
        purpose === "run" ? grant : createGrant(fence, asked, undefined).grant,
      ),
      refusals: refusals.map((refusal) => ({ ...refusal, message: redactor.redact(refusal.message) })),
      failures,
      networked: new Set(all.hosts.map(({ connector }) => connector)),
      redactor,
      hasSecrets,
    };
  } catch (error) {
    throw withoutSecrets(error, redactor);
  }
}

/**
 * What a process needs to find the streams of one connector, or to look for the files of a path. Throws `invalid` and `forbidden` as
 * `provide` does.
 */
export async function provideDiscovery(
  context: GrantContext,
  name: string,
  entry: ConnectorDefinition,
  path?: string,
): Promise<Omit<Provision, "refusals" | "failures" | "networked">> {
  const redactor = new Redactor();
  const { connectors: types, references, projectDir } = context;
  try {
    const fence = await createFence(context);
    const { config: values, secrets: found } = await resolveConnector(name, entry, references);
    redactor.learn([...found, ...writtenSecrets(entry).map(({ value }) => value)]);
    const { connector, config } = parseConnector(types, name, { type: entry.type, config: values });
    const known = connector.secrets(config);
    redactor.learn(known);
    const use: ConnectorUse = path === undefined || connector.streamSchema === undefined
      ? { kind: "discovery" }
      : { kind: "source", stream: v.parse(connector.streamSchema, { path }) };
    const access = connector.access(config, use, { name, projectDir });
    const secrets = new Set(access.secrets);
    for (const secret of secrets) await requireSecret(references, secret, `connector "${name}"`);
    const { hosts, paths, commands = [], scripts = [], environment = [], plain = [] } = await collectAsks(
      fence,
      { connector: name, use: "discovery", place: [] },
      access,
    );
    // Among the files of a folder those that nobody may read are left out: they are no streams.
    const isOpen = (path: PathAsk) =>
      path.purpose !== "source" || use.kind === "source" ||
      createGrant(fence, { hosts: [], paths: [path], tables: [] }, undefined).refusals.length === 0;
    const asks = { hosts, paths: paths.filter(isOpen), tables: [], commands, scripts, environment, plain };
    const { grant, refusals: [refusal] } = createGrant(fence, asks, undefined);
    if (refusal !== undefined) throw new AppError("forbidden", refusal.message, { reason: "policy" });
    const definitions = { [name]: entry };
    return {
      connectors: definitions,
      answers: createAnswers({
        connectors: types,
        references,
        secretKeeping: context.secretKeeping,
        user: { kind: "discovery" },
        definitions,
        secrets,
        redactor,
        wayOut: new WayOut(context.egress, fence.policy, guardedHosts(asks)),
        tokens: new ProcessTokens(context.egress.tokens, context.dataDir, redactor),
      }),
      grant: await withProxy(context, asks, grant),
      redactor,
      hasSecrets: found.length + known.length + secrets.size > 0,
    };
  } catch (error) {
    throw withoutSecrets(error, redactor);
  }
}

/** Throws `invalid` where the secret that a use asks for has no value. */
async function requireSecret({ secrets }: ReferenceSources, name: string, asker: string): Promise<void> {
  if (await secrets.get(name) !== undefined) return;
  throw new AppError("invalid", `Cannot resolve the secret ${name} of ${asker}: ${missingSecret(name)}`);
}

const guardedHosts = ({ hosts }: Asks): string[] =>
  hosts.filter(({ isGuarded }) => isGuarded).map(({ host }) => host);

/** Guarded hosts are got to by the server's proxy only. */
async function withProxy({ egress }: GrantContext, asks: Asks, grant: Grant): Promise<Grant> {
  if (guardedHosts(asks).length === 0) return grant;
  const { permissions } = grant;
  return {
    ...grant,
    permissions: { ...permissions, hosts: [...permissions.hosts, await egress.proxy.open()] },
  };
}

/** SQL of loads where the operator wants none. */
function refusedSql({ policy }: Fence, { load }: PipelineDefinition): Refusal[] {
  if (policy.loadSql) return [];
  return Object.entries(load).flatMap(([name, loads]) =>
    loadTargets(loads).flatMap((target, index) => {
      const key = (["pre_sql", "post_sql"] as const).find((key) => target[key] !== undefined);
      if (key === undefined) return [];
      const place = Array.isArray(loads) ? ["load", name, index, key] : ["load", name, key];
      const message = `Connector "${target.connector}", load of "${name}": may not run its ${key}: ` +
        "load_sql of the operator's policy is off";
      return [{ message, place }];
    })
  );
}

/** A check opens sources only, and runs no script that gives rows. */
function onlyRead(
  { hosts, paths, tables, commands = [], scripts = [], environment = [], plain = [] }: Asks,
): Asks {
  const asking = (ask: { readonly use: string }) => ask.use.startsWith("stream ");
  return {
    hosts: hosts.filter(asking),
    paths: paths.filter(asking),
    tables: tables.filter(asking),
    plain: plain.filter(asking),
    commands: commands.filter(asking),
    scripts: scripts.filter((ask) => asking(ask) && ask.isInCheck),
    environment,
  };
}

/** A path, a host or a value that does not fit is quoted in messages, and may be a secret. */
function withoutSecrets(error: unknown, redactor: Redactor): AppError {
  const { code, message, reason } = toAppError(error);
  return new AppError(code, redactor.redact(message), reason === undefined ? {} : { reason });
}

interface Use {
  readonly asker: string;
  readonly place: DocumentPath;
  readonly use: (connector: Connector) => ConnectorUse;
}

/** What each connector is used for, once the connector is known that reads the uses' own keys. */
function usesOf(definition: PipelineDefinition): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  const add = (name: string, use: Use) => uses.set(name, [...uses.get(name) ?? [], use]);
  for (const [name, stream] of Object.entries(definition.extract)) {
    if (stream.enabled === false) continue;
    add(stream.connector, {
      asker: `stream "${name}"`,
      place: ["extract", name],
      use: (connector) => ({ kind: "source", stream: parseStream(connector, name, stream) }),
    });
  }
  for (const [name, load] of Object.entries(definition.load)) {
    for (const [index, target] of loadTargets(load).entries()) {
      add(target.connector, {
        asker: `load of "${name}"`,
        place: Array.isArray(load) ? ["load", name, index] : ["load", name],
        use: (connector) => ({ kind: "destination", target: parseTarget(connector, target) }),
      });
    }
  }
  return uses;
}
