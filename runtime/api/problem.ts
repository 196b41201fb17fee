/** Errors as problem documents (RFC 9457), each with a stable code. */
import { z } from "@hono/zod-openapi";
import { StubError } from "../../cores/stub.ts";
import { EXIT, SplitXError } from "../../errors.ts";

/** A problem document. */
export const problemSchema = z.strictObject({
  /** `urn:splitx:problem:` and the code. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** What happened, in a sentence for people. */
  detail: z.string(),
  /** A stable word for programs, such as `bad-state`. */
  code: z.string(),
  /** What is wrong with the request, place by place. */
  errors: z.array(z.strictObject({
    /** JSON pointer into the body, or the name of a parameter. */
    at: z.string(),
    detail: z.string(),
  })).optional(),
}).openapi("Problem");

/** The media type of a problem document. */
export const PROBLEM_TYPE = "application/problem+json";

/** One wrong place of a request. */
export type ProblemPlace = NonNullable<z.infer<typeof problemSchema>["errors"]>[number];

/** An error that has its document. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly ProblemPlace[];

  /**
   * @param status of HTTP
   * @param code stable word
   * @param detail a sentence for people
   * @param errors the places that are wrong, when there are several
   */
  constructor(status: number, code: string, detail: string, errors: readonly ProblemPlace[] = []) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.errors = errors;
  }

  /** The document as a response. */
  response(): Response {
    const words = this.code.replaceAll("-", " ");
    const document: z.infer<typeof problemSchema> = {
      type: `urn:splitx:problem:${this.code}`,
      title: words[0]!.toUpperCase() + words.slice(1),
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.errors.length > 0 ? { errors: [...this.errors] } : {}),
    };
    const headers = { "content-type": PROBLEM_TYPE };
    return new Response(JSON.stringify(document), { status: this.status, headers });
  }
}

/** What is in the way and may be gone later, rather than wrong in the request. */
const CONFLICTS: ReadonlySet<string> = new Set([
  "bad-state",
  "knob-fixed",
  "plan-impossible",
  "tap-unusable",
]);

function statusOf({ code, exitCode }: SplitXError): number {
  if (CONFLICTS.has(code)) return 409;
  if (exitCode === EXIT.usage) return 422;
  return exitCode === EXIT.host ? 503 : 500;
}

/** The problem that an error is; one that nobody expected says nothing of itself. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SplitXError) return new Problem(statusOf(error), error.code, error.message);
  if (error instanceof StubError) return new Problem(503, "host-refused", error.message);
  return new Problem(500, "internal", "the request met a defect; the log has it");
}
