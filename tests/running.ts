/** `deno task run`, without the task, as a process that goes on beside a test. */
import { PROJECT } from "./support.ts";

const ADDRESS = /^the dashboard is on (\S+) until Ctrl-C$/m;

/** See the head of this file. */
export class Running implements AsyncDisposable {
  /** What it has said. */
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #address = Promise.withResolvers<string>();
  readonly #read: Promise<void>;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "cli/run.ts", ...args],
      cwd: PROJECT,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#address.promise.catch(() => {});
    this.#read = this.#readAll();
  }

  async #readAll(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      const address = ADDRESS.exec(this.output)?.[1];
      if (address) this.#address.resolve(address);
    }
    this.#address.reject(new Error(`it ended without a dashboard: ${this.output}`));
  }

  /** Where its dashboard is, once its guest has ended. */
  address(): Promise<string> {
    return this.#address.promise;
  }

  /** Interrupts it: its exit code and how long it took. */
  async interrupt(): Promise<{ code: number; ms: number }> {
    const before = performance.now();
    this.#child.kill("SIGINT");
    const { code } = await this.#child.status;
    await this.#read;
    return { code, ms: performance.now() - before };
  }

  /** Kills it: it gets no chance to say anything. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
