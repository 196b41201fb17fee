/** A runtime that serves its dashboard, as a process of its own. */
import { fileURLToPath } from "node:url";
import { runError } from "../errors.ts";
import { type ApiClient, consoleAddress, createClient } from "../runtime/api/client.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
/** USER_HZ: `man 5 proc`, /proc/PID/stat. */
const TICK_MS = 10;
/** Fields of /proc/PID/stat behind the name: user and system time. */
const USER_TIME = 11, SYSTEM_TIME = 12;

/** See the head of this file. */
export class Service implements AsyncDisposable {
  readonly address: string;
  readonly api: ApiClient;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
    this.api = createClient({ address });
  }

  /** Starts it and waits until it serves. */
  static async start(): Promise<Service> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "cli/run.ts", "--guest", "hello", "--listen", "0"],
      cwd: PROJECT,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    void (async () => {
      let text = "";
      for await (const words of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += words;
        const address = /^the dashboard is on (\S+)/m.exec(text)?.[1];
        if (address) resolve(address);
      }
      resolve(undefined);
    })();
    const address = await promise;
    if (address === undefined) throw runError("no-service", "the runtime did not begin to serve");
    return new Service(child, address);
  }

  /** Processor time of the thread that keeps house and serves, milliseconds. */
  housekeepingMs(): number {
    const { pid } = this.#child;
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK_MS;
  }

  /** Makes a machine and starts it. */
  async startVm(guest: string, cmdline: string): Promise<number> {
    const { data, error } = await this.api.POST("/api/vms", { body: { guest, cmdline } });
    if (!data) throw runError("no-machine", error?.detail ?? "no machine");
    await this.api.POST("/api/vms/{id}/start", { params: { path: { id: data.id } } });
    return data.id;
  }

  /** What a machine says until it ends; then it is deleted. */
  async outputOf(id: number): Promise<string> {
    const socket = new WebSocket(consoleAddress(this.address, id));
    socket.binaryType = "arraybuffer";
    const decoder = new TextDecoder();
    let text = "";
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.onmessage = ({ data }) => text += decoder.decode(data, { stream: true });
    socket.onclose = () => resolve();
    await promise;
    await this.deleteVm(id);
    return text;
  }

  async deleteVm(id: number): Promise<void> {
    await this.api.DELETE("/api/vms/{id}", { params: { path: { id } } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.status;
  }
}
