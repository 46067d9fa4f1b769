import { dirname, join } from "node:path";
import { findPythonWith } from "./python_packages.ts";

/** The path of the program. */
export const SCHEMATHESIS = "SLUICE_TEST_SCHEMATHESIS";
/** The file that asks for it. */
const TESTS = "/integration/api/contract_test.ts";

/** With all that it needs: each version is named, so that pip has nothing to find out. */
const PACKAGES = [
  "schemathesis==4.32.5",
  "anyio==4.16.0",
  "certifi==2026.10.19.post1",
  "charset-normalizer==3.5.3",
  "click==8.5.1",
  "graphql-core==3.3.2",
  "harfile==0.6.0",
  "hypothesis==6.170.17",
  "hypothesis-graphql==0.13.5",
  "idna==3.20",
  "iniconfig==2.3.1",
  "jsonschema_rs==0.60.3",
  "markdown-it-py==4.3.0",
  "MarkupSafe==3.0.4",
  "mdurl==0.1.2",
  "packaging==26.4",
  "pluggy==1.7.0",
  "Pygments==2.21.0",
  "pyrate-limiter==4.5.1",
  "pytest==9.2.0",
  "PyYAML==6.0.4",
  "requests==2.34.2",
  "rich==15.0.0",
  "sortedcontainers==2.4.0",
  "typing_extensions==4.16.0",
  "urllib3==2.8.0",
  "Werkzeug==3.1.9",
];
const OPTIONS = ["--no-deps", "--no-compile", "--disable-pip-version-check"];

/** Whether one of the files wants it. */
export const needsSchemathesis = (files: readonly string[]): boolean =>
  files.some((file) => file.endsWith(TESTS));

/** The program in SLUICE_TEST_SCHEMATHESIS, or a Python in dist/ that has it. */
export async function findSchemathesis(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<string> {
  const given = Deno.env.get(SCHEMATHESIS);
  if (given) return given;
  const python = await findPythonWith(root, "schemathesis", PACKAGES, installPackages, OPTIONS);
  // It names the folder in which it was installed, which has another name since.
  const program = join(dirname(python), "schemathesis");
  const text = await Deno.readTextFile(program);
  await Deno.writeTextFile(program, text.replace(/^#!.*/, `#!${python}`));
  return program;
}
