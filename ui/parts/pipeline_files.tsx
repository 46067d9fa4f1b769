import { stringify } from "yaml";
import type { PipelineDetail } from "../../contract/run.ts";
import type { Fault } from "../../text/fault.ts";
import { formatPlural } from "../../text/format.ts";
import { firstLines } from "./code/first_lines.ts";
import { languageOf } from "./code/highlight.ts";
import { Code } from "./code/source_code.tsx";
import { Icon } from "./icons.tsx";
import { FindForm } from "./steps/find_form.tsx";
import { fitting, MOST_STEPS } from "./steps/fitting.ts";
import { Breakable } from "./steps/step_names.tsx";

/** Where there are too many steps or files to show all of them. */
export function FindSteps({ pipeline, find }: { pipeline: PipelineDetail; find: string }) {
  if (filesOf(pipeline).length <= MOST_STEPS && find === "") return null;
  return <FindForm what="step or file" find={find} />;
}

export function FilesSection({ pipeline, find }: { pipeline: PipelineDetail; find: string }) {
  const files = filesOf(pipeline).map((file, index) => ({ ...file, index }));
  if (files.length === 0) return null;
  const { chosen, note } = fitting(files, ({ path }) => path, find);
  return (
    <section aria-labelledby="files-title">
      <h2 id="files-title">
        Files <span class="count">{formatPlural(files.length, "file")} in this revision{note}</span>
      </h2>
      <div class="card rows">
        {chosen.map(({ index, ...file }) => (
          <details class="row">
            <summary>
              <span class="kind">
                <Icon name="file" />
              </span>
              <span class="row-name">
                <Breakable text={file.path} />
              </span>
              <Icon name="chevron" />
            </summary>
            <div class="row-body" id={`file-${index}`}>
              <FileText {...file} anchor={`file-${index}`} />
            </div>
          </details>
        ))}
      </div>
    </section>
  );
}

/** A seed may have as many rows as fit into a file of the project. */
const MOST_LINES = 2_000;

function FileText({ path, content, anchor }: { path: string; content: string; anchor: string }) {
  const { shown, left } = firstLines(content, MOST_LINES);
  return (
    <>
      <Code source={shown} language={languageOf(path)} anchor={anchor} />
      {left > 0 && <p class="muted">and {formatPlural(left, "line")} more</p>}
    </>
  );
}

/** The revision's files, led by its definition; that one is written anew where its text was not kept. */
function filesOf(pipeline: PipelineDetail): { path: string; content: string }[] {
  const path = `pipelines/${pipeline.name}.yaml`;
  if (pipeline.definition === null || pipeline.files.some((file) => file.path === path)) {
    return pipeline.files;
  }
  return [pipeline.source ?? { path, content: stringify(pipeline.definition) }, ...pipeline.files];
}

/** Where the fault's line can be read: nowhere while the faulty files are not the ones in force. */
export function faultLink(pipeline: PipelineDetail, fault: Fault): string | undefined {
  if (pipeline.faults.some((other) => other.severity === "error")) return undefined;
  const index = filesOf(pipeline).findIndex((file) => file.path === fault.file);
  if (index < 0) return undefined;
  const anchor = fault.line === undefined ? `#file-${index}` : `#file-${index}-L${fault.line}`;
  // It may be none of the first.
  return index < MOST_STEPS ? anchor : `?${new URLSearchParams({ find: fault.file })}${anchor}`;
}
