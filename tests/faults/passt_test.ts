/** The process behind a user network: what it answers, and that it ends with its connection. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { EXIT, SplitXError } from "../../errors.ts";
import { connectPasst, passtInstalled } from "../../runtime/network/passt.ts";
import { memoryMachine, stub } from "../memory_machine.ts";
import {
  command,
  eventually,
  namespaceTest,
  processesWith,
  PROJECT,
  TempFile,
  testUnless,
} from "../support.ts";

const NO_PASST = passtInstalled() ? "" : "passt is not installed";
const AT = 0x1000;

/** Processes whose socket was in this folder. */
const passtIn = (folder: string) => processesWith(`--socket ${folder}/`);

/** Connects with temporary files in a folder of the test's own. */
function connectIn(folder: string): number {
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", folder);
  try {
    return connectPasst(stub).handle;
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
}

/** A folder that the user of the process may look into. */
function openFolder(): TempFile {
  const temporary = new TempFile("");
  Deno.chmodSync(temporary.folder, 0o755);
  return temporary;
}

testUnless(NO_PASST, "passt answers for the gateway, and ends with its connection", async () => {
  using temporary = openFolder();
  const { vm, memory } = memoryMachine(1 << 16);
  const handle = connectIn(temporary.folder);
  strictEqual(passtIn(temporary.folder).length, 1);
  deepStrictEqual([...Deno.readDirSync(temporary.folder)].map(({ name }) => name), ["file"]);

  const guest = [2, 0, 0, 0, 0, 1], [own, gateway] = [[10, 0, 2, 15], [10, 0, 2, 2]];
  // An Ethernet frame with ARP's question for IPv4 (RFC 826).
  const question = [
    ...[255, 255, 255, 255, 255, 255, ...guest, 8, 6],
    ...[0, 1, 8, 0, 6, 4, 0, 1, ...guest, ...own!, 0, 0, 0, 0, 0, 0, ...gateway!],
  ];
  memory.write(AT, Uint8Array.from(question));
  const words = (length: number) => Int32Array.of(AT, 0, length);
  strictEqual(stub.sx_stream_send(handle, vm, words(42), 1), 42);
  let length = 0;
  await eventually("passt answers", () => {
    length = stub.sx_stream_receive(handle, vm, words(1514), 1);
    return length > 0;
  });
  ok(length >= 42, `${length} bytes`);
  const answer = Array.from({ length: 32 }, (_, i) => memory.byte(AT + i));
  deepStrictEqual(answer.slice(20, 32), [0, 2, 0x52, 0x55, 0x0a, 0, 2, 2, ...gateway!]);

  strictEqual(stub.sx_stream_close(handle), 0);
  await eventually("passt ends", () => passtIn(temporary.folder).length === 0);
});

testUnless(NO_PASST, "passt ends with a process that is killed", async () => {
  using temporary = openFolder();
  const program = `
    import { connectPasst } from "./runtime/network/passt.ts";
    import { openStub } from "./cores/stub.ts";
    import { buildStub } from "./build/stub.ts";
    connectPasst(openStub(await buildStub(() => {})));
    console.log("connected");
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    cwd: PROJECT,
    env: { TMPDIR: temporary.folder },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  strictEqual(passtIn(temporary.folder).length, 1);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  await eventually("passt ends", () => passtIn(temporary.folder).length === 0);
});

const CONNECT = `
  import { connectPasst } from "./runtime/network/passt.ts";
  import { stub } from "./tests/memory_machine.ts";
  console.log(stub.sx_stream_close(connectPasst(stub).handle));`;

if (NO_PASST === "") {
  namespaceTest("passt starts on a host without a way out", async () => {
    const script = `ip link set lo up; ${Deno.execPath()} eval '${CONNECT}'`;
    const { stdout, stderr } = await command("unshare", ["--net", "sh", "-c", script]);
    strictEqual(stdout, "0\n", stderr);
  });
}

/** What connecting throws with this program as passt. */
function failureWith(passt: string | undefined): SplitXError {
  using path = openFolder();
  const before = Deno.env.get("PATH")!;
  if (passt !== undefined) {
    Deno.writeTextFileSync(`${path.folder}/passt`, `#!/bin/sh\n${passt}\n`, { mode: 0o755 });
  }
  Deno.env.set("PATH", passt === undefined ? path.folder : `${path.folder}:${before}`);
  try {
    connectPasst(stub);
  } catch (error) {
    if (error instanceof SplitXError) return error;
    throw error;
  } finally {
    Deno.env.set("PATH", before);
  }
  throw new Error("it connected");
}

Deno.test("a passt that is not there, or fails, is one line with what to do", () => {
  const missing = failureWith(undefined);
  match(missing.message, /^no passt on this host.*: apt-get install -y passt; .*--network none$/);
  const failing = failureWith("echo 'No namespaces here' >&2; echo >&2; exit 1");
  match(failing.message, /^passt does not start: No namespaces here; .*--network none$/);
  const absent = failureWith("exit 0");
  match(absent.message, /^passt does not answer \(connect: No such file or directory\); /);
  for (const error of [missing, failing, absent]) strictEqual(error.exitCode, EXIT.host);
});
