import { isSameName } from "../../../contract/sql.ts";
import { CONNECTORS_FILE } from "../../../engine/definitions/parse_connectors.ts";
import { type DocumentPath, parseYamlDocument } from "../../../text/yaml_document.ts";
import type { ProjectSpace } from "../project_space.ts";
import type { FilePlace } from "../sql/define_sql.ts";
import type { Entity } from "./entity.ts";

/** Where what an entity is stands. */
export async function definitionOf(space: ProjectSpace, entity: Entity): Promise<FilePlace[]> {
  const { pipelines } = space.state;
  switch (entity.kind) {
    case "table":
      return [top(entity.path)];
    case "stream": {
      const place = pipelines.get(entity.pipeline)?.loaded.place(["extract", entity.name]);
      const { file, line = 1, column = 1 } = place ?? {};
      return file === undefined ? [] : [{ path: file, line, column, length: entity.name.length }];
    }
    case "connector":
      return await inYaml(space, CONNECTORS_FILE, [entity.name]);
    case "notifier":
      return await inYaml(space, "notifiers.yaml", [entity.name]);
    case "pipeline": {
      const path = pipelines.get(entity.name)?.loaded.path;
      return path === undefined ? [] : [top(path)];
    }
    case "folder": {
      const first = [...pipelines.values()].flatMap(({ loaded }) => loaded.files).find(({ path }) =>
        path.startsWith(`transforms/${entity.name}/`) && path.endsWith(".sql")
      );
      return first === undefined ? [] : [top(first.path)];
    }
    case "file":
      return await space.exists(entity.name) ? [top(entity.name)] : [];
    case "macro":
      return (await space.macros()).filter(({ name }) => isSameName(name, entity.name)).map((macro) => ({
        path: macro.path,
        start: macro.position,
        end: macro.position + macro.name.length,
      }));
  }
}

async function inYaml(space: ProjectSpace, path: string, at: DocumentPath): Promise<FilePlace[]> {
  const text = await space.textOf(path);
  if (text === undefined) return [];
  const { file, line = 1, column = 1 } = parseYamlDocument(text, path).place(at);
  return [{ path: file, line, column, length: String(at.at(-1)).length }];
}

const top = (path: string): FilePlace => ({ path, line: 1, column: 1, length: 0 });
