import type { EnvironmentDefinition } from "../../../contract/environments/definition.ts";
import { AppError } from "../../../contract/errors.ts";
import { nameFault, quoteName } from "../../../contract/names.ts";
import { BUILT_IN_CONNECTORS } from "../../../contract/pipeline/scripts.ts";
import { isSameName } from "../../../contract/sql.ts";
import { paramFaults } from "../../../contract/params/values.ts";
import type { Fault } from "../../../text/fault.ts";
import { pathText } from "../../../text/schema_faults.ts";
import { didYouMeanOneOf, listWords } from "../../../text/suggest.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { ParsedProject } from "../project/project_file.ts";
import { type Environment, withDefaults } from "./derive.ts";

/** What environments name that there is not, and defaults that do not fit. */
export function environmentFaults(project: ParsedProject, connectors: readonly string[]): Fault[] {
  const place = project.place;
  if (place === undefined) return [];
  return Object.entries(project.environments).flatMap(([name, environment]) => {
    const faultAt = (path: DocumentPath, message: string): Fault => {
      const whole = ["environments", name, ...path];
      return { ...place(whole), message: `${pathText(whole)}: ${message}`, severity: "error" };
    };
    const unknown = (connector: string) =>
      connector === "off"
        ? "a connector is no other one than off: loads and extract switch off what is written to it and read from it"
        : `there is no connector ${quoteName(connector)}${didYouMeanOneOf(connector, connectors)}`;
    const named: [DocumentPath, string][] = [
      ...Object.entries(environment.connectors ?? {}).flatMap(([from, to]): [DocumentPath, string][] => [
        [["connectors", from], from],
        [["connectors", from], to],
      ]),
      ...(["loads", "extract"] as const).flatMap((key): [DocumentPath, string][] => {
        const said = environment[key];
        return typeof said === "object" ? Object.keys(said).map((one) => [[key, one], one]) : [];
      }),
    ];
    return [
      ...named.filter(([, connector]) => !connectors.includes(connector))
        .map(([path, connector]) => faultAt(path, unknown(connector))),
      ...Object.keys(environment.connectors ?? {}).filter((from) => Object.hasOwn(BUILT_IN_CONNECTORS, from))
        .map((from) => faultAt(["connectors", from], "what is built in cannot be mapped")),
      ...variableFaults(project, environment).map(({ path, message }) =>
        faultAt(["variables", ...path], message)
      ),
    ];
  });
}

function variableFaults(
  { variables, brokenVariables }: ParsedProject,
  { variables: given = {} }: EnvironmentDefinition,
): { readonly path: DocumentPath; readonly message: string }[] {
  const names = Object.keys(variables);
  const isKnown = (name: string) => [...names, ...brokenVariables].some((other) => isSameName(other, name));
  const unknown = Object.keys(given).filter((name) => !isKnown(name)).map((name) => ({
    path: [name],
    message: `there is no variable ${quoteName(name)}${didYouMeanOneOf(name, names)}`,
  }));
  const wrong = paramFaults(withDefaults(variables, given), [])
    .filter(({ path: [, key] }) => key === "default")
    .map(({ path: [name = ""], message }) => ({ path: [name], message }));
  return [...unknown, ...wrong];
}

/** Throws `not_found` with the names that there are, `invalid` for one with a fault. */
export function requireEnvironment(project: ParsedProject, name: string): Environment {
  const wrong = nameFault("environment", name);
  if (wrong !== undefined) {
    throw new AppError("invalid", `${quoteName(name)} cannot be the name of an environment: ${wrong}`);
  }
  const definition = Object.hasOwn(project.environments, name) ? project.environments[name] : undefined;
  if (definition !== undefined) return { name, definition };
  if (!project.isReadable || project.brokenEnvironments.has(name)) {
    throw new AppError("invalid", `The environment ${quoteName(name)} has faults in project.yaml`, {
      faults: project.faults,
    });
  }
  const known = Object.keys(project.environments);
  const hint = known.length === 0
    ? `: write it into project.yaml, as environments: {${name}: {schema_suffix: _${name}}}`
    : didYouMeanOneOf(name, known) ||
      `; there ${known.length === 1 ? "is" : "are"} ${listWords(known, "and")}`;
  throw new AppError("not_found", `There is no environment ${quoteName(name)}${hint}`);
}
