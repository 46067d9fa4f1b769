import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { type ReadableRevision, type RevisionFile, writtenFiles } from "../../../contract/revision.ts";
import { readModels } from "../../../sql/language/files/read_models.ts";
import { seedText } from "../../../sql/language/files/seeds.ts";
import type { Model } from "../../../sql/language/model.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";

/** One version of a pipeline that a plan compares with another. */
export interface PlanSide {
  readonly definition: PipelineDefinition;
  /** Its own file. */
  readonly text: RevisionFile | undefined;
  /** Models, and what else its SQL is made of. */
  readonly files: readonly RevisionFile[];
  /** Scripts of the project as they are written, as far as they are known. */
  readonly scripts: readonly RevisionFile[];
  /** Undefined where what they say cannot be opened. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>> | undefined;
}

const isScript = ({ path }: RevisionFile) => path.startsWith("scripts/");

/** `text` is the definition's own file, where the store has it for this revision. */
export function sideOfRevision(
  revision: ReadableRevision,
  connectors: PlanSide["connectors"],
  text: RevisionFile | undefined,
): PlanSide {
  const written = writtenFiles(revision.files);
  return {
    definition: revision.definition,
    text,
    files: written.filter((file) => !isScript(file)),
    scripts: written.filter(isScript),
    connectors,
  };
}

/** Undefined for a pipeline that has no definition, as its file has faults. */
export function sideOfProject(
  { definition, path, text, files, connectors }: LoadedPipeline,
  scripts: readonly RevisionFile[],
): PlanSide | undefined {
  if (definition === undefined) return undefined;
  return { definition, text: { path, content: text }, files, scripts, connectors };
}

/** The models of a side that are switched on and can be read: what is wrong with the others is a fault elsewhere. */
export function modelsOf({ files }: Pick<PlanSide, "files">): readonly Model[] {
  return readModels(files, seedText).models;
}
