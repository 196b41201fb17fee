/** The lab runs commands of this checkout where KVM runs guests natively. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { buildLinuxGuest } from "../../build/linux.ts";
import { labTest } from "../debian_packages.ts";
import { cliLab, eventually, processesWith, PROJECT, TempFile } from "../support.ts";

labTest("hello runs in the lab, whose KVM runs ring 0 natively", async () => {
  const { code, stdout } = await cliLab(["deno", "task", "run", "--once", "--guest", "hello"]);
  match(stdout, /KVM runs ring 0 and ring 3 natively/);
  match(stdout, /^hello from ring 3 on splitx$/m);
  strictEqual(code, 0);
});

labTest("where Deno lacks its bundler, run serves the API alone and says so", async () => {
  const script = `
    deno task run --guest hello --listen 8787 > /tmp/said 2>&1 &
    for second in $(seq 60); do grep -q 'is on http' /tmp/said && break; sleep 1; done
    wget -q -O - http://127.0.0.1:8787/healthz
    cat /tmp/said`;
  const { stdout, stderr } = await cliLab(["sh", "-c", script]);
  match(stdout, /^{"status":"ok"/, stdout + stderr);
  match(stdout, /^the dashboard cannot be bundled: /m);
  match(stdout, /^the API is on http:/m);
});

labTest("the lab gives a command's streams, byte for byte, and its exit code", async () => {
  const script = `
    seq 1 50000
    printf '\\0\\r\\n%s' "$1"
    pwd >&2
    exit 130`;
  const { code, stdout, stderr } = await cliLab(["sh", "-c", script, "sh", "it's $1"]);
  const numbers = Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join("");
  ok(stdout === `${numbers}\0\r\nit's $1`, stdout.slice(-200));
  match(stderr, new RegExp(`^${PROJECT.replace(/\/$/, "")}$`, "m"));
  strictEqual(code, 130);
});

labTest("the lab has the Linux guest that the host built, and no packages", async () => {
  const program = `
    import { buildLinuxGuest } from "${PROJECT}build/linux.ts";
    console.log((await buildLinuxGuest(console.error)).version);`;
  const { code, stdout, stderr } = await cliLab(["deno", "eval", program]);
  strictEqual(stdout, `${(await buildLinuxGuest(() => {})).version}\n`, stderr);
  strictEqual(code, 0);
});

labTest("a command that ends the machine fails with the machine's last words", async () => {
  const { code, stdout, stderr } = await cliLab(["poweroff", "-f"]);
  strictEqual(stdout, "");
  match(stderr, /^lab: the lab ended before the command:\n.*reboot: Power down/m);
  strictEqual(code, 1);
});

/** A lab that waits, its machine found by the temporary folder that is its own. */
async function waitingLab(folder: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "cli/lab.ts", "sh", "-c", "echo up; sleep 1000"],
    cwd: PROJECT,
    env: { TMPDIR: folder },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  strictEqual(new TextDecoder().decode((await reader.read()).value), "up\n");
  await reader.cancel();
  strictEqual(processesWith(`${folder}/`).length, 1);
  return child;
}

labTest("Ctrl-C ends the lab within a second and leaves nothing", async () => {
  using temporary = new TempFile("");
  const child = await waitingLab(temporary.folder);
  const before = performance.now();
  child.kill("SIGINT");
  const { code } = await child.status;
  ok(performance.now() - before < 1000);
  strictEqual(code, 130);
  strictEqual(processesWith(`${temporary.folder}/`).join("\n"), "");
  deepStrictEqual([...Deno.readDirSync(temporary.folder)].map((entry) => entry.name), ["file"]);
});

labTest("a lab whose host process was killed ends by itself", async () => {
  using temporary = new TempFile("");
  const child = await waitingLab(temporary.folder);
  child.kill("SIGKILL");
  await child.status;
  await eventually("QEMU ends", () => processesWith(`${temporary.folder}/`).length === 0);
});
