import type { Connector } from "../../../contract/connector/connector.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { type EnvironmentDefinition, isLoaded, isRead } from "../../../contract/environments/definition.ts";
import { type LoadDefinition, loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { BUILT_IN_CONNECTORS } from "../../../contract/pipeline/scripts.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { isSameName } from "../../../contract/sql.ts";
import { pathText } from "../../../text/schema_faults.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { PipelineFault } from "../check_pipeline.ts";
import { pathInFolder, suffixedTable } from "./place_apart.ts";

/** One environment of a project. */
export interface Environment {
  readonly name: string;
  readonly definition: EnvironmentDefinition;
}

export interface DeriveContext {
  readonly environment: Environment;
  readonly connectorTypes: readonly Connector[];
  /** Entries of connectors.yaml. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
}

export interface DerivedDefinition {
  readonly definition: PipelineDefinition;
  /** What keeps it from being apart from production, at its places in the pipeline's file. */
  readonly faults: readonly PipelineFault[];
}

/**
 * What a pipeline is in an environment. It starts by nothing but a request or a post to its own webhooks, tells nobody, and
 * writes nowhere that production writes: what cannot be told apart is a fault. What is left out of it is no part of the
 * result.
 */
export function deriveDefinition(production: PipelineDefinition, context: DeriveContext): DerivedDefinition {
  const faults: PipelineFault[] = [];
  const extract = entriesOf(production.extract, (name, stream) => {
    const given = deriveStream(stream, context);
    if ("definition" in given) return given.definition;
    faults.push(faultAt(["extract", name, "mode"], given.message));
    return stream;
  });
  const load = entriesOf(production.load, (name, loads) => {
    const derived = loadTargets(loads).flatMap((target, index): LoadDefinition[] => {
      const given = deriveLoad(target, context);
      if (given === "off") return [];
      if ("definition" in given) return [given.definition];
      const path = Array.isArray(loads) ? ["load", name, index, given.key] : ["load", name, given.key];
      faults.push(faultAt(path, given.message));
      return [];
    });
    const [only] = derived;
    return only === undefined ? undefined : Array.isArray(loads) ? derived : only;
  });
  const {
    schedule: _schedule,
    after: _after,
    sensors: _sensors,
    notify: _notify,
    late_after: _late,
    freshness: _freshness,
    ...rest
  } = production;
  return {
    definition: {
      ...rest,
      params: withDefaults(production.params, context.environment.definition.params ?? {}),
      extract: withoutUnloaded(extract, load),
      load,
    },
    faults,
  };
}

/** Params with other defaults. */
export function withDefaults(
  params: PipelineDefinition["params"],
  defaults: NonNullable<EnvironmentDefinition["params"]>,
): PipelineDefinition["params"] {
  return Object.fromEntries(
    Object.entries(params).map(([name, param]) => {
      const given = Object.entries(defaults).find(([other]) => isSameName(other, name));
      if (given === undefined) return [name, param];
      const { required: _required, ...rest } = param;
      return [name, { ...rest, default: given[1] }];
    }),
  );
}

function deriveStream(
  stream: StreamDefinition,
  { environment: { name, definition }, connectorTypes, connectors }: DeriveContext,
): { readonly definition: StreamDefinition } | { readonly message: string } {
  const { connector } = stream;
  if (!isRead(definition, connector)) return { definition: { ...stream, enabled: false } };
  const mapped = mappedTo(definition, connector);
  if (mapped !== undefined) return { definition: { ...stream, connector: mapped } };
  if (stream.mode !== "cdc" || stream.enabled === false) return { definition: stream };
  const type = typeOf(connector, connectors, connectorTypes)?.name ?? connector;
  return {
    message:
      `would follow the log of ${connector} (${type}) in the environment ${name} too, and hold it there: ` +
      `under environments.${name} in project.yaml write extract: {${connector}: off}, or another connector ` +
      `as connectors: {${connector}: ${name}_${connector}}`,
  };
}

function deriveLoad(
  target: LoadDefinition,
  { environment: { name, definition }, connectorTypes, connectors }: DeriveContext,
): "off" | { readonly definition: LoadDefinition } | { readonly key: string; readonly message: string } {
  const { connector } = target;
  if (!isLoaded(definition, connector)) return "off";
  const mapped = mappedTo(definition, connector);
  if (mapped !== undefined) return { definition: { ...target, connector: mapped } };
  const type = typeOf(connector, connectors, connectorTypes);
  // Of a connector that there is not another fault tells.
  if (type === undefined) return { definition: target };
  const elsewhere = Object.hasOwn(BUILT_IN_CONNECTORS, connector)
    ? `loads: {${connector}: off}`
    : `connectors: {${connector}: ${name}_${connector}}, or loads: {${connector}: off}`;
  const wayOut = (more = "") => `under environments.${name} in project.yaml write ${more}${elsewhere}`;
  const { table, path } = target;
  if (type.apartBy === "folder" && typeof path === "string") {
    const inside = pathInFolder(path, name);
    if (inside !== undefined) return { definition: { ...target, path: inside } };
    return {
      key: "path",
      message:
        `is written in the environment ${name} too, and is no path below the root of ${connector}: ${wayOut()}`,
    };
  }
  const hasTable = (type.apartBy === "schema" || type.apartBy === "table") && typeof table === "string";
  const { schema_suffix: suffix } = definition;
  if (!hasTable || suffix === undefined) {
    const suffixed = hasTable ? `schema_suffix: _${name}, ` : "";
    return {
      key: "connector",
      message:
        `${connector} is where production loads into, and nothing keeps the environment ${name} from it: ${
          wayOut(suffixed)
        }`,
    };
  }
  const sql = (["pre_sql", "post_sql"] as const).find((key) => target[key] !== undefined);
  if (sql === undefined) {
    return { definition: { ...target, table: suffixedTable(table, suffix, type.apartBy === "schema") } };
  }
  return {
    key: sql,
    message:
      `runs in production's database in the environment ${name} too, and schema_suffix does not change it: ${wayOut()}`,
  };
}

/** A stream that no table keeps goes where its one load goes. */
function withoutUnloaded(
  extract: PipelineDefinition["extract"],
  load: PipelineDefinition["load"],
): PipelineDefinition["extract"] {
  return Object.fromEntries(
    Object.entries(extract).filter(([name, { store }]) => store || Object.hasOwn(load, name)),
  );
}

function mappedTo({ connectors = {} }: EnvironmentDefinition, connector: string): string | undefined {
  return Object.hasOwn(connectors, connector) ? connectors[connector] : undefined;
}

function typeOf(
  connector: string,
  entries: DeriveContext["connectors"],
  types: readonly Connector[],
): Connector | undefined {
  const known: DeriveContext["connectors"] = { ...entries, ...BUILT_IN_CONNECTORS };
  const entry = Object.hasOwn(known, connector) ? known[connector] : undefined;
  return types.find(({ name }) => name === entry?.type);
}

function entriesOf<T, R>(
  entries: Readonly<Record<string, T>>,
  change: (name: string, value: T) => R | undefined,
): Record<string, R> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, value]) => {
      const changed = change(name, value);
      return changed === undefined ? [] : [[name, changed]];
    }),
  );
}

function faultAt(path: DocumentPath, message: string): PipelineFault {
  return { path, at: "value", message: `${pathText(path)}: ${message}`, severity: "error" };
}
