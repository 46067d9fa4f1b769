import { hasFilesOf, sampleParams, sqlTextOf } from "../../connectors/pipeline_params.ts";
import type { Connector } from "../../contract/connector/connector.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import { isRequired, type ParamDefinitions } from "../../contract/params/definition.ts";
import { keptStreams } from "../../contract/params/kept_places.ts";
import {
  fillFault,
  isParamName,
  LOAD_PLACE_NAMES,
  type ParamText,
  paramTexts,
  quotedParams,
  STREAM_PLACE_NAMES,
} from "../../contract/params/places.ts";
import { readParam } from "../../contract/params/values.ts";
import type { ParamValue } from "../../contract/run.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import { isSameName } from "../../contract/sql.ts";
import { variableNames } from "../../sql/language/scan_sql.ts";
import { pathText } from "../../text/schema_faults.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { PipelineFault } from "./check_pipeline.ts";

export interface ParamsContext {
  readonly types: readonly Connector[];
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** The models. */
  readonly files: readonly RevisionFile[];
  /** Params that are a fault already. */
  readonly mutedParams: readonly string[];
}

/** What is wrong with `${param:…}` in the addresses of streams and loads, and which params nothing uses. */
export function checkParams(definition: PipelineDefinition, context: ParamsContext): PipelineFault[] {
  const texts = paramTexts(definition);
  const given = {
    definitions: definition.params,
    values: sampleParams(definition.params),
    sqlText: sqlTextOf(context.types, context.connectors),
  };
  const known = [...Object.keys(definition.params), ...context.mutedParams];
  const textFaults = texts.flatMap((text): PipelineFault[] => {
    const { path, kind, params } = text;
    if (params.length === 0) return [];
    if (kind === undefined) {
      const places = path[0] === "load" ? LOAD_PLACE_NAMES : STREAM_PLACE_NAMES;
      return [error(text, `a param has no place here, but in ${places}`)];
    }
    const strange = params.filter((name) => !known.includes(name));
    if (strange.length > 0) {
      return strange.map((name) =>
        error(
          text,
          isParamName(name)
            ? `there is no param ${name}${didYouMean(name, known) || "; params has none of this name"}`
            : "a param stands as ${param:name}",
        )
      );
    }
    const quoted = quotedParams(text, given.sqlText(text.connector));
    if (quoted.length > 0) {
      const message = "stands in quotes or a comment: leave the quotes out, a literal takes its place";
      return quoted.map((name) => error(text, `\${param:${name}} ${message}`));
    }
    const found = samplesOf(params, given.values, definition.params)
      .flatMap((values) => fillFault(text, { ...given, values }) ?? []).slice(0, 1);
    return found.map((message) => ({ path, at: "value", message, severity: "error" }));
  });
  return [
    ...textFaults,
    ...sensorFaults(definition),
    ...keptFaults(definition, context),
    ...unusedFaults(definition, texts, context),
  ];
}

/** The values that are known before a run: defaults, and in the place of each every other one that its enum allows. */
function samplesOf(
  params: readonly string[],
  values: Readonly<Record<string, ParamValue>>,
  definitions: ParamDefinitions,
): readonly Readonly<Record<string, ParamValue>>[] {
  const others = params.flatMap((name) => {
    const definition = definitions[name];
    return (definition?.enum ?? []).flatMap((option) => {
      const read = definition === undefined ? undefined : readParam(definition, option);
      return read !== undefined && "value" in read ? [{ ...values, [name]: read.value }] : [];
    });
  });
  return [values, ...others];
}

/** A sensor looks for files before there is a run that has params. */
function sensorFaults({ sensors = [] }: PipelineDefinition): PipelineFault[] {
  return sensors.flatMap(({ path }, index) =>
    path.includes("${param:")
      ? [fault(["sensors", index, "path"], "a sensor looks before there is a run: it has no params")]
      : []
  );
}

/** Streams that go on from where they were read what the defaults say, unless a range is asked for. */
function keptFaults(definition: PipelineDefinition, { types, connectors }: ParamsContext): PipelineFault[] {
  const kept = keptStreams(definition, hasFilesOf(types, { connectors }), variableNames);
  return kept.flatMap(({ name, stream, params }) => {
    const required = params.filter((param) => {
      const found = definition.params[param];
      return found !== undefined && isRequired(found);
    });
    const address = stream["stream"];
    return [
      ...required.map((param) =>
        fault(
          ["extract", name],
          `mode ${stream.mode} goes on from where the stream was, which is that of one value of ${param}: ` +
            "give the param a default, or use mode full",
        )
      ),
      ...stream.mode === "cdc" && typeof address === "string" && address.includes("${param:")
        ? [fault(["extract", name, "stream"], "mode cdc follows one table: its name has no param")]
        : [],
    ];
  });
}

/** A script may look at any. */
function unusedFaults(
  definition: PipelineDefinition,
  texts: readonly ParamText[],
  { files }: ParamsContext,
): PipelineFault[] {
  const { extract, load, functions, params } = definition;
  const uses = [...Object.values(extract), ...Object.values(load).flat()];
  if (functions !== undefined || uses.some((use) => "script" in use)) return [];
  const named = new Set(texts.flatMap((text) => text.params));
  const wheres = Object.values(extract).flatMap(({ where = "" }) => variableNames(where));
  const sql = files.map(({ content }) => content);
  return Object.keys(params).flatMap((name): PipelineFault[] => {
    const isRead = new RegExp(`getvariable\\s*\\(\\s*'${name}'`, "i");
    const isUsed = named.has(name) || wheres.some((variable) => isSameName(variable, name)) ||
      sql.some((text) => isRead.test(text));
    if (isUsed) return [];
    const message = "nothing uses it: no model, and no stream or load";
    return [{ ...fault(["params", name], message), at: "key", severity: "warning" }];
  });
}

const error = ({ path }: ParamText, message: string): PipelineFault => fault(path, message);

const fault = (path: PipelineFault["path"], message: string): PipelineFault => ({
  path,
  at: "value",
  message: `${pathText(path)}: ${message}`,
  severity: "error",
});
