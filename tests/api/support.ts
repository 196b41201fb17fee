/** What tests of the API share: an API over a runtime, and answers held against its document. */
import { ok, strictEqual } from "node:assert";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { type Api, createApi } from "../../runtime/api/app.ts";
import { ConsoleHubs } from "../../runtime/api/console_hub.ts";
import type { ApiContext } from "../../runtime/api/context.ts";
import { RunStore } from "../../runtime/run_store.ts";
import { describeHost } from "../../runtime/records.ts";
import { Runtime, type RuntimeOptions } from "../../runtime/runtime.ts";

const NO_LIMIT = { perSecond: 1e9, burst: 1e9 };

/** An API that answers without a network, over a runtime and a store of its own. */
export class TestApi implements AsyncDisposable {
  readonly folder: string;
  readonly runtime: Runtime;
  readonly context: ApiContext;
  /** Defects that were logged. */
  readonly defects: string[] = [];
  readonly #api: Api;
  readonly #document: DocumentChecks;

  private constructor(runtime: Runtime, folder: string, options: Partial<ApiContext>) {
    this.runtime = runtime;
    this.folder = folder;
    const store = new RunStore(`${folder}/runs.sqlite`);
    for (const name of ["one", "two", "one"]) {
      store.add({ schema: "splitx.bench/1", name, host: describeHost(runtime), rows: [] });
    }
    this.context = {
      runtime,
      store,
      consoles: new ConsoleHubs(),
      imageFolders: [`${folder}/images`],
      reach: "loopback",
      now: () => Date.now(),
      rate: NO_LIMIT,
      log: (line) => void this.defects.push(line),
      ...options,
    };
    this.#api = createApi(this.context);
    this.#document = new DocumentChecks(this.#api);
  }

  static async open(
    options: Partial<ApiContext> = {},
    runtime: RuntimeOptions = {},
  ): Promise<TestApi> {
    const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "splitx-api-" }));
    Deno.mkdirSync(`${folder}/images`);
    Deno.writeTextFileSync(`${folder}/images/disk.img`, "x".repeat(8192));
    return new TestApi(await Runtime.open(runtime), folder, options);
  }

  /** Asks, and holds the answer against the document. */
  async request(method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
    const json = typeof body === "string" ? body : JSON.stringify(body);
    const response = await this.#api.app.request(path, {
      method,
      headers: {
        host: "127.0.0.1:8787",
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: json }),
    });
    const type = response.headers.get("content-type") ?? "";
    const text = type.startsWith("text/event-stream") ? "" : await response.text();
    if (!text) await response.body?.cancel();
    const answer = {
      status: response.status,
      type,
      headers: response.headers,
      text,
      // deno-lint-ignore no-explicit-any
      json: /json/.test(type) ? JSON.parse(text) as any : undefined,
    };
    // A path with `..` is another one by the time it is sent.
    this.#document.check(method, new URL(`http://localhost${path}`).pathname, answer);
    return answer;
  }

  /** Asks for what must be refused with this code. */
  async refused(
    code: string,
    status: number,
    ...request: Parameters<TestApi["request"]>
  ): Promise<Answer> {
    const answer = await this.request(...request);
    strictEqual(answer.json?.code, code, answer.text);
    strictEqual(answer.status, status);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#api[Symbol.dispose]();
    await this.runtime[Symbol.asyncDispose]();
    this.context.store?.[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** The OpenAPI document as a judge of answers. */
class DocumentChecks {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  // deno-lint-ignore no-explicit-any
  readonly #document: any;
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(api: Api) {
    this.#document = api.app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "test", version: "1" },
    });
    this.#ajv.addSchema({ $id: "doc:", ...this.#document });
  }

  check(method: string, path: string, answer: Answer): void {
    const route = Object.keys(this.#document.paths).find((pattern) =>
      new RegExp(`^${pattern.replace(/\{\w+\}/g, "[^/]+")}$`).test(path)
    );
    const operation = route && this.#document.paths[route][method.toLowerCase()];
    if (!operation) {
      ok(answer.status >= 400 || !path.startsWith("/api"), `${method} ${path} is undocumented`);
      return;
    }
    const { status } = answer;
    const key = String(status) in operation.responses ? String(status) : `${status}`[0] + "XX";
    const documented = operation.responses[key];
    ok(documented, `${method} ${path}: ${status} is undocumented`);
    if (!documented.content) return strictEqual(answer.text, "");
    const type = answer.type.split(";")[0]!;
    ok(type in documented.content, `${method} ${path}: ${type} is undocumented: ${answer.text}`);
    if (answer.json === undefined) return;
    const steps = ["paths", route, method.toLowerCase(), "responses", key, "content", type];
    const pointer = [...steps, "schema"].map((step) =>
      encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))
    ).join("/");
    const validate = this.#validators.get(pointer) ??
      this.#ajv.compile({ $ref: `doc:#/${pointer}` });
    this.#validators.set(pointer, validate);
    ok(validate(answer.json), `${method} ${path}: ${JSON.stringify(validate.errors?.slice(0, 3))}`);
  }
}
