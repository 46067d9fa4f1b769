import type { Report } from "../../../contract/job.ts";
import type { Answers } from "../../grants/answer_questions.ts";
import type { RunProcess } from "./spawn.ts";

/**
 * The process with its questions answered: what it asks for goes to `answers`, which end with it, and its other
 * reports to whoever reads them.
 */
export function answering(process: RunProcess, answers: Answers): RunProcess {
  return {
    ...process,
    reports: withoutQuestions(process, answers),
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      answers[Symbol.dispose]();
    },
  };
}

async function* withoutQuestions(process: RunProcess, answers: Answers): AsyncIterable<Report> {
  for await (const report of process.reports) {
    if (report.type !== "question") {
      yield report;
      continue;
    }
    // A slow secret store holds up who asked, and no other step.
    void answers.answer(report.question).then((found) => process.send({ type: "answer", answer: found }));
  }
}
