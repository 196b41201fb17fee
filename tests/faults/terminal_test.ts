/** The user's terminal is as it was, however a command ends that had it for a guest's console. */
import { match, ok, strictEqual } from "node:assert";
import { eventually, PROJECT, TempFile, testUnless } from "../support.ts";

async function scriptInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command("script", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

const NO_PTY = await scriptInstalled() ? "" : "script of util-linux is not installed";
const CTRL_A_X = "\x01x";

/** A session on a terminal of its own, whose settings are kept before and after. */
class Session implements AsyncDisposable {
  readonly #files = new TempFile("");
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  #output = "";
  readonly #read: Promise<void>;

  /** @param way how it ends by itself, or `wait` */
  constructor(way: string) {
    const { folder } = this.#files;
    const command = `stty -a > ${folder}/before; ` +
      `"${Deno.execPath()}" run -A --no-check tests/terminal_session.ts ${way}; ` +
      `echo "code $?"; stty -a > ${folder}/after`;
    this.#child = new Deno.Command("script", {
      args: ["-q", "-c", command, "/dev/null"],
      cwd: PROJECT,
      env: { NO_COLOR: "1", SHELL: "/bin/sh" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keyboard = this.#child.stdin.getWriter();
    this.#read = this.#readAll();
  }

  async #readAll(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#output += text;
    }
  }

  type(text: string): Promise<void> {
    return this.#keyboard.write(new TextEncoder().encode(text));
  }

  /** The process that has the terminal, once it has; nothing when it has ended again. */
  async up(): Promise<number> {
    await eventually("it has the terminal", () => /up \d+ end/.test(this.#output));
    return Number(/up (\d+) end/.exec(this.#output)![1]);
  }

  /** Waits for its end: what it printed, with the settings held against those before. */
  async end(): Promise<string> {
    await eventually("it ends", () => /code \d+/.test(this.#output));
    await this.#keyboard.close();
    await this.#read;
    await this.#child.status;
    const settings = (name: string) => Deno.readTextFileSync(`${this.#files.folder}/${name}`);
    match(settings("before"), / icanon /);
    strictEqual(settings("after"), settings("before"));
    return this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#read;
    this.#files[Symbol.dispose]();
  }
}

function settingsOf(pid: number): string {
  const { stdout } = new Deno.Command("stty", { args: ["-a", "-F", `/proc/${pid}/fd/0`] })
    .outputSync();
  return new TextDecoder().decode(stdout);
}

/** How it ends by itself, and what is then printed. */
const WAYS: readonly (readonly [string, RegExp])[] = [
  ["end", /code 7/],
  ["failure", /session: a vCPU does not obey\r\n.*code 1/],
  ["throw", /TypeError: a defect[^]*code 1/],
  ["reject", /TypeError: a defect elsewhere[^]*code 1/],
  ["fault", /code 139/], // 128 and SIGSEGV
];

for (const [way, printed] of WAYS) {
  testUnless(NO_PTY, `the terminal is as it was after: ${way}`, async () => {
    await using session = new Session(way);
    match(await session.end(), printed);
  });
}

testUnless(NO_PTY, "the terminal is raw for a guest, and as it was after Ctrl-A x", async () => {
  await using session = new Session("wait");
  match(settingsOf(await session.up()), / -icanon /);
  await session.type(CTRL_A_X);
  match(await session.end(), /code 8/);
});

for (
  const [signal, code] of [["SIGINT", 130], ["SIGTERM", 130], ["SIGHUP", 130], ["SIGQUIT", 130], [
    "SIGABRT",
    134,
  ], ["SIGTRAP", 133]] as const
) {
  testUnless(NO_PTY, `the terminal is as it was after ${signal}`, async () => {
    await using session = new Session("wait");
    Deno.kill(await session.up(), signal);
    ok((await session.end()).includes(`code ${code}`));
  });
}
