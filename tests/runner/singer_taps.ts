import { dirname, join } from "node:path";
import { findPythonWith } from "./python_packages.ts";

export const SINGER_TAPS = "SLUICE_TEST_SINGER_TAPS";
/** The file that asks for them. */
const TESTS = "/integration/singer/real_taps_test.ts";

/**
 * Three taps and a target, and all that they need: each version is named, so that pip has nothing to find out. tap-jsonl
 * names an older singer-sdk than the others, and runs with theirs.
 */
const PACKAGES = [
  "meltanolabs-tap-github==1.30.1",
  "meltanolabs-tap-postgres==0.10.0",
  "meltanolabs-target-csv==0.5.0",
  "tap-jsonl==0.3.1",
  "attrs==26.1.0",
  "backports-httpmethod==0.2.2",
  "bcrypt==5.0.0",
  "beautifulsoup4==4.15.0",
  "certifi==2026.10.19.post1",
  "cffi==2.1.1",
  "charset-normalizer==3.5.3",
  "click==8.5.1",
  "cloudpickle==3.1.3",
  "cryptography==50.0.2",
  "fsspec==2026.9.0",
  "idna==3.20",
  "importlib_metadata==10.2.0",
  "inflection==0.5.1",
  "invoke==3.0.3",
  "joblib==1.6.0",
  "jsonpath-ng==1.16.0",
  "jsonschema==4.26.0",
  "jsonschema-specifications==2025.9.1",
  "lazy-importer==0.1.0",
  "nested-lookup==0.2.25",
  "packaging==26.4",
  "paramiko==5.1.0",
  "pathlib_abc==0.5.2",
  "psycopg2-binary==2.9.12",
  "pycparser==3.12",
  "PyJWT==2.15.1",
  "PyNaCl==1.6.2",
  "python-backoff==3.0.0",
  "python-dateutil==3.0.0",
  "python-dotenv==1.2.4",
  "PyYAML==6.0.4",
  "referencing==0.37.0",
  "requests==2.34.2",
  "rpds-py==2026.9.1",
  "simpleeval==1.0.8",
  "simplejson==4.3.0",
  "singer-sdk==0.54.9",
  "six==1.17.0",
  "soupsieve==2.8.4",
  "SQLAlchemy==2.0.51",
  "typing_extensions==4.16.0",
  "universal_pathlib==0.3.10",
  "urllib3==2.8.0",
  "zipp==4.1.2",
];
const PROGRAMS = ["tap-github", "tap-jsonl", "tap-postgres", "target-csv"];
const OPTIONS = ["--no-deps", "--no-compile", "--disable-pip-version-check"];

/** Whether one of the files wants them. */
export const needsTaps = (files: readonly string[]): boolean => files.some((file) => file.endsWith(TESTS));

/** The folder of the taps' programs: that in SLUICE_TEST_SINGER_TAPS, or of a virtual environment in dist/. */
export async function findSingerTaps(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<string> {
  const given = Deno.env.get(SINGER_TAPS);
  if (given) return given;
  const python = await findPythonWith(root, "singer", PACKAGES, installPackages, OPTIONS);
  const folder = dirname(python);
  for (const program of PROGRAMS) {
    // It names the folder in which it was installed, which has another name since.
    const path = join(folder, program);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace(/^#!.*/, `#!${python}`));
  }
  return folder;
}
