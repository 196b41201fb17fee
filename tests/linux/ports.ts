/** A Linux guest with two named ports, and programs of the host at their sockets. */
import { linuxConfig } from "../../runtime/linux_guest.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { noise, TempFile } from "../support.ts";

/** Names the ports as udev would; sends back what comes at one, reads another to its end. */
const GUEST = `
mkdir /dev/virtio-ports
n=0
until [ -e /dev/virtio-ports/other ] || [ $n -ge 50 ]; do
  for port in /sys/class/virtio-ports/*; do
    name=$(cat $port/name 2> /dev/null)
    [ -z "$name" ] || ln -sf /dev/\${port##*/} /dev/virtio-ports/$name
  done
  n=$((n+1))
  sleep 0.1
done
echo ports $(ls /dev/virtio-ports)
echo size $(stty size < /dev/hvc0)
echo ready
exec 3<> /dev/virtio-ports/echo
while true; do cat <&3 >&3; sleep 0.1; done & # it reads an end while nobody is there
until words=$(cat /dev/virtio-ports/other) && [ -n "$words" ]; do sleep 0.1; done
echo "other says $words"
echo the end of other
sleep 2`;

const BYTES = 100_000;

await using runtime = await Runtime.open();
using script = new TempFile(GUEST);
using folder = new TempFile("");
const ports = ["echo", "other"].map((name) => ({ name, socket: `${folder.folder}/${name}` }));
const linux = await linuxConfig({ script: script.path }, (line) => console.error(line));
await using vm = runtime.createVm({ ...linux, console: "virtio", ports, overcommit: true });
vm.resize(100, 37);
await vm.start();

function connect(port: number): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: ports[port]!.socket });
}

/** Reads so many bytes. */
async function read(connection: Deno.UnixConn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new Error(`the end after ${at} bytes`);
    at += count;
  }
  return bytes;
}

async function writeAll(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function talk(): Promise<void> {
  const sent = noise(BYTES);
  using echo = await connect(0);
  const [back] = await Promise.all([read(echo, BYTES), writeAll(echo, sent)]);
  const same = back.every((byte, i) => byte === sent[i]);
  console.log(`host: ${BYTES} bytes came back ${same ? "as they went" : "changed"}`);
  await writeAll(echo, new TextEncoder().encode("hello"));
  console.log(`host: again ${new TextDecoder().decode(await read(echo, 5))}`);
  using other = await connect(1);
  await writeAll(other, new TextEncoder().encode("hi over there"));
}

let rest = "", talking: Promise<void> | undefined;
for await (const text of vm.console.pipeThrough(new TextDecoderStream())) {
  const whole = (rest + text).split(/\r?\n/);
  rest = whole.pop()!;
  for (const line of whole) console.log(`guest: ${line}`);
  if (whole.includes("ready")) talking = talk();
}
await talking;
