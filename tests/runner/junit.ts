/** One test as deno's JUnit report has it. */
export interface TestCase {
  readonly file: string;
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly failure: string;
}

/**
 * Reads the report that `deno test --junit-path` writes. Steps are left out: a step that fails makes
 * its test fail, and its words are added to the test's.
 */
export function readJunit(xml: string): TestCase[] {
  const cases: TestCase[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase\b([^>]*)>([\s\S]*?)<\/testcase>/g)) {
    const failure = /<(?:failure|error)\b[^>]*>([\s\S]*?)<\/(?:failure|error)>/.exec(body)?.[1];
    const isFailed = failure !== undefined || /<(?:failure|error)\b/.test(body);
    cases.push({
      file: attribute(attributes, "classname"),
      name: attribute(attributes, "name"),
      state: isFailed ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed",
      failure: unescapeXml(failure ?? "").trim(),
    });
  }
  return foldSteps(cases);
}

/** A step is named `test > step`, after its test. */
function foldSteps(cases: readonly TestCase[]): TestCase[] {
  const tests: TestCase[] = [];
  for (const each of cases) {
    const parent = tests.findIndex((test) =>
      test.file === each.file && each.name.startsWith(`${test.name} > `)
    );
    const test = tests[parent];
    if (test === undefined) tests.push(each);
    else if (each.state === "failed") {
      tests[parent] = {
        ...test,
        failure: `${test.failure}\n${each.name.slice(test.name.length + 3)}: ${each.failure}`,
      };
    }
  }
  return tests;
}

function attribute(attributes: string, name: string): string {
  return unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
}
