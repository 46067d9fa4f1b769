import type { Findings } from "../findings.ts";
import type { Properties } from "../project/properties.ts";
import type { DbtProject, Dict } from "../project/read_project.ts";
import { listOf } from "../project/settings.ts";
import type { CheckContext } from "../tests/checks.ts";
import { connectorsOf, hasDatabase, streamOf } from "./sources.ts";

/** What a pipeline extracts, and the connectors that it needs for it. */
export interface Extract {
  readonly streams: Readonly<Record<string, Dict>>;
  readonly connectors: Dict;
}

export interface ExtractWork {
  readonly project: DbtProject;
  readonly outDir: string;
  readonly properties: Properties;
  /** The stream of each table of a source, by `source.table`. */
  readonly streams: ReadonlyMap<string, string>;
  checks(file: string): CheckContext;
  readonly findings: Findings;
  /** More checks of streams. */
  readonly streamChecks: ReadonlyMap<string, readonly unknown[]>;
}

/** Only streams that are read: `used` has their names. */
export function extractOf(work: ExtractWork, used: ReadonlySet<string>): Extract {
  const { project, outDir, properties, streams, findings } = work;
  const connectors = connectorsOf(project, outDir, findings);
  const places = { project, connectors, outDir };
  let needsFiles = false;
  const extract: Record<string, Dict> = {};
  for (const source of properties.sources) {
    const stream = streams.get(`${source.sourceName}.${source.name}`) ?? "";
    if (!used.has(stream)) continue;
    const made = streamOf(source, stream, places, work.checks(source.file), findings);
    needsFiles ||= made.needsFiles;
    const others = work.streamChecks.get(stream) ?? [];
    extract[stream] = others.length === 0
      ? made.entry
      : { ...made.entry, checks: [...listOf(made.entry["checks"]), ...others] };
  }
  const fromDatabase = Object.values(extract).some(({ connector }) => connector === connectors.main);
  if (fromDatabase && !hasDatabase(connectors)) {
    findings.hand(
      "connectors.yaml",
      "say where the sources are: no profiles.yml in the project names a database that Sluice reads",
    );
  }
  return {
    streams: extract,
    connectors: {
      ...(fromDatabase ? connectors.entries : {}),
      ...(needsFiles ? { files: { type: "file" } } : {}),
    },
  };
}
