/**
 * A Linux guest on the user network asks a service on the host's loopback address; then another one's
 * passt is killed under it. Prints one line of JSON for each.
 */
import { linuxConfig } from "../../runtime/linux_guest.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { eventually, noise, processesWith, TempFile } from "../support.ts";

const BYTES = 1024 ** 2;
/** The gateway is the host. */
const transfers = (port: number) => `
wget -q -O /tmp/file http://10.0.2.2:${port}/
sha256sum < /tmp/file
base64 /tmp/file > /tmp/text # busybox ends what it posts at a NUL
sha256sum < /tmp/text
wget -q -O - --post-file /tmp/text http://10.0.2.2:${port}/
exit 5`;
/** Until the link is down, which the host decides. */
const WAITING = `
echo carrier $(cat /sys/class/net/eth0/carrier)
until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do sleep 0.2; done
ping -q -c 2 -W 1 10.0.2.2 > /dev/null || echo nobody answers
exit 6`;

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

const PASST = "passt --quiet";

const file = noise(BYTES);
await using server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async (request) =>
    request.method === "GET"
      ? new Response(file)
      : new Response(`${await hashOf(await request.bytes())} came back\n`),
);
await using runtime = await Runtime.open();

async function run(script: string, meanwhile: (said: string) => void): Promise<object> {
  using scriptFile = new TempFile(script);
  const config = await linuxConfig({ script: scriptFile.path }, (line) => console.error(line));
  await using vm = runtime.createVm({ ...config, network: "user" });
  const processes = processesWith(PASST).length;
  await vm.start();
  let output = "";
  for await (const text of vm.console.pipeThrough(new TextDecoderStream())) {
    output += text;
    meanwhile(output);
  }
  const { code } = await vm.ended;
  const { framesSent, framesReceived, framesDropped, linksLost } = vm.stats();
  return { output, code, processes, framesSent, framesReceived, framesDropped, linksLost };
}

/** Numbers of the processes of passt. */
function passts(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/comm`).startsWith("passt");
    } catch {
      return false; // no process, or it ended meanwhile
    }
  });
}

/** Those that others started. */
const strangers = new Set(passts());

function killPasst(): void {
  for (const pid of passts()) if (!strangers.has(pid)) Deno.kill(pid, "SIGKILL");
}

console.log(
  JSON.stringify({ ...await run(transfers(server.addr.port), () => {}), hash: await hashOf(file) }),
);
await eventually("passt ends with its machine", () => processesWith(PASST).length === 0);
const left = await run(WAITING, (said) => {
  if (said.includes("carrier 1")) killPasst();
});
console.log(JSON.stringify(left));
